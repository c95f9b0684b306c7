"""How values look on a page: money, moments, statuses, and next steps in the console's words."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from markupsafe import Markup, escape

from connectors import registry
from connectors.registry import UnknownConnectorError
from models.canonical import ObjectType
from models.canonical.money import figure
from models.ids import short
from models.status import SyncStatus
from models.tables import ConnectionStatus, RunStatus, Trigger

NOTHING_HERE = "The page does not exist, or it belongs to somebody else."
FORM_ENDED = (
    "You were signed out meanwhile, or the form is not from this site. Nothing was changed."
)
TRY_AGAIN = "Nothing was changed. Try again in a moment."

_S = SyncStatus
STATUSES: Mapping[SyncStatus, tuple[str, str]] = {
    _S.PENDING: ("Due", "moving"),
    _S.SENDING: ("Being sent", "moving"),
    _S.RETRY_WAIT: ("Tried again soon", "moving"),
    _S.UNCERTAIN: ("Being looked up", "moving"),
    _S.REJECTED: ("Refused", "act"),
    _S.BLOCKED: ("Waits", "act"),
    _S.HELD: ("Held", "wait"),
    _S.DONE: ("Done", "good"),
    _S.DONE_MANUALLY: ("Done by hand", "good"),
    _S.SKIPPED: ("Never sent", "quiet"),
}
"""The words for a record's status, and the tone that they are shown in."""

GROUPS: Mapping[str, tuple[str, str, tuple[SyncStatus, ...]]] = {
    "done": ("Done", "good", (_S.DONE, _S.DONE_MANUALLY)),
    "moving": ("Under way", "moving", (_S.PENDING, _S.SENDING, _S.RETRY_WAIT, _S.UNCERTAIN)),
    "waiting": ("Waiting", "act", (_S.REJECTED, _S.BLOCKED, _S.HELD)),
    "never": ("Never sent", "quiet", (_S.SKIPPED,)),
}
"""Statuses that people look at together."""

RUNS: Mapping[RunStatus, tuple[str, str]] = {
    RunStatus.QUEUED: ("Queued", "moving"),
    RunStatus.RUNNING: ("Running", "moving"),
    RunStatus.DONE: ("Done", "good"),
    RunStatus.PARTIAL: ("Done in part", "wait"),
    RunStatus.FAILED: ("Failed", "act"),
    RunStatus.PARKED: ("Stopped for now", "wait"),
}

_C = ConnectionStatus
CONNECTIONS: Mapping[ConnectionStatus, tuple[str, str]] = {
    _C.PENDING_AUTH: ("Waits for consent", "wait"),
    _C.CONNECTED: ("Connected", "good"),
    _C.DEAUTHORIZED: ("Authorization lost", "act"),
    _C.PAUSED: ("Paused", "quiet"),
    _C.DISCONNECTED: ("Disconnected", "quiet"),
}

TRIGGERS: Mapping[Trigger, str] = {
    Trigger.SCHEDULE: "by schedule",
    Trigger.MANUAL: "by hand",
    Trigger.WEBHOOK: "told by the provider",
    Trigger.RETRY: "a retry",
    Trigger.CHANGE: "a change",
}

ACTORS: Mapping[str, str] = {
    "bookkeeper": "Bookkeeper",
    "administrator": "Administrator",
    "us": "Ledgerbridge support",
    "nobody": "Nobody: it resolves itself",
}

OUTCOMES: Mapping[str, str] = {
    "accepted": "good",
    "found": "good",
    "refused": "act",
    "absent": "quiet",
}
"""Tones of what a try came to; whatever is missing here waits."""

# What the catalogue says for a terminal, as it is done here.
_HERE: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r": `ledgerbridge map (?:tax-rate|account|contact) [^`]*`"), ""),
    (re.compile(r"`ledgerbridge retry --issue [^`]*`"), "choose “Retry all”"),
    (re.compile(r"push it again with `ledgerbridge retry RECORD --again`"),
     "choose “Make a new document” on the record"),
    (re.compile(r"settle it(?: by hand)?: `ledgerbridge settle [^`]*`"),
     "choose “Settle” on the record"),
    (re.compile(r"`ledgerbridge settle [^`]*`"), "choose “Settle” on the record"),
    (re.compile(r"`ledgerbridge skip [^`]*`"), "choose “Never send” on the record"),
    (re.compile(r"`ledgerbridge retry RECORD`"), "choose “Retry” on the record"),
    (re.compile(r"with the output of `ledgerbridge record RECORD`"), "with the record’s page"),
    (re.compile(r"See the attempts with `ledgerbridge record RECORD`"),
     "See the attempts on the record"),
    (re.compile(r"see `ledgerbridge issues`"), "see Issues"),
    (re.compile(r"see `ledgerbridge connections (?:show|list)`"), "see Overview"),
    (re.compile(r"see `ledgerbridge log`"), "see Sync log"),
]  # fmt: skip


def here(text: str | None) -> Markup:
    """A sentence of the engine's in the console's words; commands that are left stand apart."""
    said = text or ""
    for pattern, instead in _HERE:
        said = pattern.sub(instead, said)
    parts = said.split("`")
    shown = [
        escape(part) if at % 2 == 0 else Markup("<code>{}</code>").format(part)
        for at, part in enumerate(parts)
    ]
    return Markup("").join(shown) if len(parts) % 2 else escape(said)


def sentence(error: Exception) -> str:
    """An error as a sentence, without marks for terminals."""
    said = str(here(str(error).strip()).striptags()) if "`" in str(error) else str(error).strip()
    ended = said if said.endswith((".", "!", "?")) else f"{said}."
    return ended[:1].upper() + ended[1:]


def unforeseen(request_id: str) -> str:
    """What is said about a bug."""
    return f"Nothing more is known here. Quote request {request_id} when you report it."


def when(moment: datetime | None, empty: str = "–") -> Markup:
    """A moment in UTC; the script tells it in the reader's zone."""
    if moment is None:
        return escape(empty)
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{} UTC</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M:%S}", f"{utc.day} {utc:%b %Y, %H:%M}"
    )


def day(value: date | None) -> str:
    """A business date."""
    return "" if value is None else f"{value.day} {value:%b %Y}"


def money(amount: Decimal | None, currency: str | None) -> Markup:
    """An amount with its currency: digits stand under digits, whatever the currency."""
    if amount is None:
        return Markup("")
    said = figure(amount, currency or "").replace("-", "−")  # a real minus
    return Markup('<span class="money">{} <abbr>{}</abbr></span>').format(said, currency or "")


def count(number: int) -> str:
    """A number with its thousands."""
    return f"{number:,}"


def several(number: int, noun: str, plural: str | None = None) -> str:
    """A number of things."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def trigger(value: str) -> str:
    """What set a try off."""
    known = {one.value: said for one, said in TRIGGERS.items()}
    return known.get(value, plain_words(value))


def took(started: datetime | None, finished: datetime | None) -> str:
    """How long something took."""
    if started is None or finished is None:
        return ""
    seconds = (finished - started).total_seconds()
    if seconds < 10:  # noqa: PLR2004  # below, tenths matter
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def badge(words_and_tone: tuple[str, str]) -> Markup:
    """A status: a word, and a mark whose colour and shape mean the same."""
    return Markup('<span class="badge {}">{}</span>').format(words_and_tone[1], words_and_tone[0])


def record_badge(status: SyncStatus) -> Markup:
    """A record's status."""
    return badge(STATUSES[status])


def run_badge(status: RunStatus) -> Markup:
    """A run's status."""
    return badge(RUNS[status])


def connection_badge(row: Any) -> Markup:
    """A connection's status; one that is left alone for now says so."""
    parked = row.parked_until is not None and row.parked_until > datetime.now(UTC)
    if row.status is ConnectionStatus.CONNECTED and parked:
        return badge(("Rests", "wait"))
    return badge(CONNECTIONS[row.status])


def plain_words(value: str | None) -> str:
    """`look_up` as `look up`."""
    return (value or "").replace("_", " ")


def type_words(kind: ObjectType) -> str:
    """`Credit notes`."""
    return kind.plural_words.capitalize()


def called(line: Any) -> str:
    """What people call a document."""
    return str(line.number or line.name or line.external_id)


def provider(key: str) -> str:
    """A provider's name."""
    try:
        return registry.spec(key).name
    except UnknownConnectorError:
        return key


def quota(left: Mapping[str, int]) -> str:
    """How many requests a provider still takes, by window."""
    return ", ".join(f"{number:,} this {name}" for name, number in left.items())


_FIGURES = (
    ("pushed", "sent"),
    ("reported", "reported"),
    ("adopted", "found there"),
    ("matched", "recognised"),
    ("failed", "refused"),
    ("deleted", "gone there"),
    ("unreadable", "unreadable"),
)


def run_figures(counts: Mapping[str, Mapping[str, int]]) -> str:
    """What a run did, in a few words: `12 sent, 3 refused, 240 read`."""
    sums = {name: sum(figures.get(name, 0) for figures in counts.values()) for name, _ in _FIGURES}
    parts = [f"{sums[name]:,} {said}" for name, said in _FIGURES if sums[name]]
    seen = sum(figures.get("seen", 0) for figures in counts.values())
    if seen:
        parts.append(f"{seen:,} read")
    return ", ".join(parts)


def doing(run: Any) -> str:
    """What a run does at this moment."""
    if run.status is RunStatus.QUEUED:
        return "Waiting for a worker"
    step = str(run.steps[0]) if run.steps else ""
    verb, _, name = step.partition(":")
    what = ObjectType(name).plural_words if name else "documents"
    said = {
        "pull": f"Reading {what}",
        "match": "Looking for what is there already",
        "push": f"Sending {what}",
    }
    return said.get(verb, "Finishing")


def safe_link(url: object) -> str:
    """A link into the ledger, if it is one that a browser may follow."""
    text = str(url or "")
    return text if text.startswith(("https://", "http://")) else ""


def _versioned(name: str) -> str:
    """A file of ours with a mark of its content, so that browsers may keep it."""
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return f"{name}?v={sha256(content).hexdigest()[:12]}"


FILTERS: Mapping[str, Callable[..., object]] = {
    "badge": badge,
    "called": called,
    "connection_badge": connection_badge,
    "count": count,
    "day": day,
    "doing": doing,
    "here": here,
    "money": money,
    "plain_words": plain_words,
    "provider": provider,
    "quota": quota,
    "record_badge": record_badge,
    "run_badge": run_badge,
    "run_figures": run_figures,
    "safe_link": safe_link,
    "several": several,
    "took": took,
    "trigger": trigger,
    "type_words": type_words,
    "when": when,
}
GLOBALS: Mapping[str, object] = {
    "ACTORS": ACTORS,
    "GROUPS": GROUPS,
    "OUTCOMES": OUTCOMES,
    "RUNS": RUNS,
    "STATUSES": STATUSES,
    "TRIGGERS": TRIGGERS,
    "short": lambda identifier: short(UUID(str(identifier))),
    "versioned": _versioned,
}
