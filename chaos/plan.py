"""What happens in a run: which documents are handed in when, and what goes wrong when.

The plan is a pure function of the seed and the size. What the faults hit depends on how fast
everything runs; what is handed in, and what must be in the ledgers at the end, does not.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from chaos.ledgers import LEDGERS, READ_FAULTS, spec_of
from chaos.views import LETTERS
from connectors.base import Operation
from connectors.faults import Fault
from models.canonical import ObjectType


class Trouble(StrEnum):
    """Everything that goes wrong, by its name in the report."""

    # At a ledger; the rest of the name is one of `connectors.faults.Fault`.
    PROVIDER = "provider"
    RESAVED = "resaved"  # somebody saves an object in the ledger again: its version moves on
    POISON_DOCUMENT = "poison_document"  # the ledger crashes whenever it sees one document
    LONG_THROTTLE = "long_throttle"  # 429 with Retry-After of an hour
    TOKEN_LOST = "token_lost"  # the answer with a new token is lost
    # At workers.
    KILL_WORKER = "kill_worker"
    KILL_CHILD = "kill_child"
    KILL_BEFORE_COMMIT = "kill_before_commit"  # the request has arrived at the ledger
    KILL_AFTER_COMMIT = "kill_after_commit"  # it is written there, the answer is not out
    KILL_IN_DATABASE = "kill_in_database"  # at a statement: claim, attempt row, settling ...
    TERM = "term"
    TERM_KILL = "term_kill"
    FREEZE_WORKER = "freeze_worker"  # longer than the lease
    FREEZE_IN_CALL = "freeze_in_call"
    SKEW = "skew"  # a worker's wall clock jumps
    # At the servers.
    REDIS_EMPTIED = "redis_emptied"
    REDIS_RESTARTED = "redis_restarted"
    REDIS_KILLED = "redis_killed"  # gone for some seconds: the port refuses
    REDIS_FROZEN = "redis_frozen"
    REDIS_CUT = "redis_cut"
    POSTGRES_RESTARTED = "postgres_restarted"
    POSTGRES_CRASHED = "postgres_crashed"
    POSTGRES_CUT = "postgres_cut"
    POSTGRES_LOCKED = "postgres_locked"  # longer than a statement waits
    # At hints and the clock.
    HINTS_LOST = "hints_lost"
    HINTS_DOUBLED = "hints_doubled"
    HINTS_STALE = "hints_stale"
    HINTS_POISONED = "hints_poisoned"
    HINTS_OLD = "hints_old"  # of another version of this program
    SECOND_BEAT = "second_beat"
    NO_BEAT = "no_beat"
    TWO_SWEEPS = "two_sweeps"
    TWO_RUNS = "two_runs"  # one by hand when the clock starts one
    CLOCK_JUMP = "clock_jump"  # what is due in some minutes is due now


T = Trouble
_SHARES: Mapping[Trouble, float] = {
    T.PROVIDER: 56,
    T.RESAVED: 3,
    T.POISON_DOCUMENT: 0.6,
    T.LONG_THROTTLE: 0.6,
    T.TOKEN_LOST: 2,
    T.KILL_WORKER: 1.6,
    T.KILL_CHILD: 3,
    T.KILL_BEFORE_COMMIT: 2.4,
    T.KILL_AFTER_COMMIT: 2.4,
    T.KILL_IN_DATABASE: 4,
    T.TERM: 0.8,
    T.TERM_KILL: 0.6,
    T.FREEZE_WORKER: 0.4,
    T.FREEZE_IN_CALL: 0.6,
    T.SKEW: 0.8,
    T.REDIS_EMPTIED: 1.4,
    T.REDIS_RESTARTED: 0.6,
    T.REDIS_KILLED: 0.5,
    T.REDIS_FROZEN: 0.5,
    T.REDIS_CUT: 1.2,
    T.POSTGRES_RESTARTED: 0.5,
    T.POSTGRES_CRASHED: 0.5,
    T.POSTGRES_CUT: 1.8,
    T.POSTGRES_LOCKED: 0.4,
    T.HINTS_LOST: 2.4,
    T.HINTS_DOUBLED: 2.4,
    T.HINTS_STALE: 1.6,
    T.HINTS_POISONED: 1.6,
    T.HINTS_OLD: 1,
    T.SECOND_BEAT: 0.6,
    T.NO_BEAT: 0.6,
    T.TWO_SWEEPS: 1,
    T.TWO_RUNS: 1.6,
    T.CLOCK_JUMP: 1.4,
}
"""How many of a hundred faults are of each kind."""
SLOW = frozenset(
    {
        T.KILL_WORKER,
        T.KILL_CHILD,
        T.KILL_BEFORE_COMMIT,
        T.KILL_AFTER_COMMIT,
        T.KILL_IN_DATABASE,
        T.TERM,
        T.TERM_KILL,
        T.FREEZE_WORKER,
        T.FREEZE_IN_CALL,
        T.POSTGRES_RESTARTED,
        T.POSTGRES_CRASHED,
        T.POSTGRES_LOCKED,
        T.REDIS_RESTARTED,
        T.REDIS_KILLED,
        T.REDIS_FROZEN,
    }
)
"""What takes seconds, and runs beside the others."""
_PROVIDER: Mapping[Fault, float] = {
    Fault.DROP_BEFORE: 12,
    Fault.DROP_AFTER: 18,
    Fault.ERROR_BEFORE: 10,
    Fault.ERROR_AFTER: 14,
    Fault.SLOW_COMMIT: 10,
    Fault.SLOW_ANSWER: 6,
    Fault.THROTTLE: 8,
    Fault.AWAY: 6,
    Fault.EXPIRED: 4,
    Fault.STALE: 4,
    Fault.GARBAGE: 4,
    Fault.TRUNCATED: 8,
}
_KINDS: Mapping[ObjectType, float] = {
    ObjectType.INVOICE: 48,
    ObjectType.BILL: 16,
    ObjectType.CREDIT_NOTE: 8,
    ObjectType.PAYMENT: 20,
    ObjectType.JOURNAL_ENTRY: 8,
}
DOCUMENTS_PER_CONTACT = 18


@dataclass(frozen=True)
class Version:
    """What the product says of a document from a moment on."""

    at: float
    """Seconds after the beginning."""
    amount: int
    """Net, in whole units of the currency: tax at any whole rate is exact."""
    void: bool = False
    told: bool = True
    """False: the hint that should follow is lost."""


@dataclass(frozen=True)
class Paper:
    """One document of the product, and all that becomes of it."""

    ledger: str
    kind: ObjectType
    name: str
    """`XI00012`: in the document, in one of its text fields."""
    versions: tuple[Version, ...]
    contact: str | None = None
    supplier: bool = False
    """Of a contact."""
    pays: str | None = None
    untaxable: bool = False
    """It has a tax rate that no ledger knows: it must wait for a person, and never be sent."""

    @property
    def last(self) -> Version:
        """What must be true in the end."""
        return self.versions[-1]


@dataclass(frozen=True)
class Planned:
    """One fault."""

    at: float
    trouble: Trouble
    ledger: str
    number: int
    """What it needs to choose further: equal plans choose alike."""
    fault: Fault | None = None
    reads: bool = False

    @property
    def label(self) -> str:
        """Its name in the report."""
        return self.fault.value if self.fault else self.trouble.value


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    seconds: float
    papers: tuple[Paper, ...]
    faults: tuple[Planned, ...]

    def lines(self) -> Iterator[str]:
        """All of it, one event a line, in order."""
        events = [
            (
                version.at,
                f"{paper.ledger} {paper.name} {'void' if version.void else version.amount}",
            )
            for paper in self.papers
            for version in paper.versions
        ]
        events += [(one.at, f"{one.ledger} ! {one.label} {one.number}") for one in self.faults]
        for at, words in sorted(events):
            yield f"{at:8.2f} {words}"


def make(seed: int, *, documents: int, faults: int, seconds: float) -> Plan:
    """The plan of a seed."""
    chance = random.Random(f"{seed}/{documents}/{faults}/{seconds:g}")  # replayable
    papers: list[Paper] = []
    total = sum(one.weight for one in LEDGERS.values())
    for name, ledger in LEDGERS.items():
        number = max(20, round(documents * ledger.weight / total))
        papers += _papers(chance, name, number, seconds)
    return Plan(seed, seconds, tuple(papers), tuple(_faults(chance, faults, seconds)))


def _papers(chance: random.Random, ledger: str, number: int, seconds: float) -> list[Paper]:
    spec = spec_of(LEDGERS[ledger])
    kinds = [kind for kind in _KINDS if spec.pushes(kind)]
    contacts = [
        Paper(
            ledger,
            ObjectType.CONTACT,
            f"XC{place:05d}",
            (Version(_early(chance, seconds), 0, told=_told(chance)),),
            supplier=place % 2 == 1,
        )
        for place in range(max(2, number // DOCUMENTS_PER_CONTACT))
    ]
    papers: list[Paper] = []
    payable: list[Paper] = []
    for place in range(number - len(contacts)):
        kind = chance.choices(kinds, [_KINDS[one] for one in kinds])[0]
        if kind is ObjectType.PAYMENT and not payable:
            kind = ObjectType.INVOICE
        name = f"X{LETTERS[kind]}{place:05d}"
        first = Version(_at(chance, seconds), chance.randint(1, 4000), told=_told(chance))
        paper = Paper(ledger, kind, name, (first,), _party(chance, kind, contacts))
        if kind is ObjectType.PAYMENT:
            paper = _payment(chance, paper, payable)
        elif kind in {ObjectType.INVOICE, ObjectType.BILL} and chance.random() < 0.5:  # noqa: PLR2004  # half stay as they are and are paid
            payable.append(paper)
        elif chance.random() < 0.012:  # noqa: PLR2004
            paper = replace(paper, untaxable=kind is not ObjectType.JOURNAL_ENTRY)
        else:
            paper = _living(chance, paper, seconds)
        papers.append(paper)
    return contacts + papers


def _party(chance: random.Random, kind: ObjectType, contacts: list[Paper]) -> str | None:
    if kind is ObjectType.JOURNAL_ENTRY:
        return None
    supplier = kind is ObjectType.BILL
    return chance.choice([one for one in contacts if one.supplier is supplier]).name


def _payment(chance: random.Random, paper: Paper, payable: list[Paper]) -> Paper:
    """A payment of all or half of a document that nobody else pays."""
    pays = payable.pop(chance.randrange(len(payable)))
    owed = pays.last.amount
    amount = owed if chance.random() < 0.7 else max(1, owed // 2)  # noqa: PLR2004
    return replace(
        paper,
        pays=pays.name,
        contact=pays.contact,
        supplier=pays.kind is ObjectType.BILL,
        versions=(replace(paper.last, amount=amount),),
    )


def _living(chance: random.Random, paper: Paper, seconds: float) -> Paper:
    """Edits and, for some, the end; as far as the ledger can be told of them."""
    ledger = LEDGERS[paper.ledger]
    spec = spec_of(ledger)
    versions = list(paper.versions)
    if spec.pushes(paper.kind, Operation.UPDATE) and not ledger.frozen:
        for _ in range(chance.choices((0, 1, 2), (70, 22, 8))[0]):
            at = chance.uniform(versions[-1].at, seconds)
            versions.append(Version(at, chance.randint(1, 4000), told=_told(chance)))
    if spec.pushes(paper.kind, Operation.VOID) and chance.random() < 0.08:  # noqa: PLR2004
        at = chance.uniform(versions[-1].at, seconds)
        versions.append(Version(at, versions[-1].amount, void=True, told=_told(chance)))
    return replace(paper, versions=tuple(versions))


def _at(chance: random.Random, seconds: float) -> float:
    """More at the beginning than at the end, so that most is due for long."""
    return chance.betavariate(1.1, 1.6) * seconds * 0.95


def _early(chance: random.Random, seconds: float) -> float:
    """Most contacts come first; some come after the documents that name them."""
    return 0.0 if chance.random() < 0.8 else chance.uniform(0, seconds / 2)  # noqa: PLR2004


def _told(chance: random.Random) -> bool:
    return chance.random() > 0.1  # noqa: PLR2004


def _faults(chance: random.Random, number: int, seconds: float) -> list[Planned]:
    kinds = _kinds(chance, number)
    planned = []
    for trouble in kinds:
        # What waits for a request comes when documents do, and everything else at any time.
        at = _at(chance, seconds) if trouble is T.PROVIDER else chance.uniform(1, seconds)
        ledger = chance.choice(list(LEDGERS))
        fault, reads = None, False
        if trouble is T.PROVIDER:
            fault = chance.choices(list(_PROVIDER), list(_PROVIDER.values()))[0]
            reads = fault in READ_FAULTS and chance.random() < 0.25  # noqa: PLR2004
            if fault is Fault.STALE:
                ledger = chance.choice([name for name, one in LEDGERS.items() if one.plain])
            if fault is Fault.EXPIRED:
                ledger = chance.choice([name for name, one in LEDGERS.items() if one.expires])
        elif trouble in {T.RESAVED, T.POISON_DOCUMENT, T.LONG_THROTTLE}:
            ledger = chance.choice([name for name, one in LEDGERS.items() if one.plain])
        elif trouble is T.TOKEN_LOST:
            ledger = chance.choice([name for name, one in LEDGERS.items() if one.tokens])
        planned.append(Planned(at, trouble, ledger, chance.getrandbits(32), fault, reads))
    return sorted(planned, key=lambda one: one.at)


def _kinds(chance: random.Random, number: int) -> list[Trouble]:
    """One of each where there is room for that; else half at ledgers, and half all different."""
    others = [trouble for trouble in _SHARES if trouble is not T.PROVIDER]
    if number < 2 * len(others):
        different = chance.sample(others, k=min(len(others), number // 2))
        return different + [T.PROVIDER] * (number - len(different))
    rest = number - len(others)
    return others + chance.choices(list(_SHARES), list(_SHARES.values()), k=rest)
