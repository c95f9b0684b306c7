"""Plain ledger: the connector's methods, each "call, map, return"."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, SecretStr

from connectors.auth import OAuthTokens
from connectors.base import (
    Absent,
    Accepted,
    BadRecord,
    ConnectorConfig,
    ConnectorSettings,
    Failed,
    FindResult,
    Found,
    Identity,
    Operation,
    Page,
    Period,
    Progressed,
    PulledRecord,
    PushItem,
    PushResult,
    SignedIn,
    Stale,
    Unclear,
)
from connectors.errors import (
    ActionRequired,
    Conflict,
    ConnectorError,
    ProtocolError,
    Rejected,
    Unsupported,
)
from connectors.memory import client, mapping
from connectors.memory.client import Client, Written
from connectors.memory.errors import BatchRefused, error_for
from connectors.memory.steps import (
    Step,
    id_of,
    progress_after,
    progress_found,
    step_of,
    unfinished,
    wire_of,
)
from connectors.memory.wire import Found as FoundItems
from connectors.memory.wire import Problem, Stored, Summary
from models.canonical import ObjectType

PAGE_SIZE = 100
READ_ONLY = frozenset({ObjectType.TAX_RATE, ObjectType.LEDGER_ACCOUNT})
UNDATED = READ_ONLY | {ObjectType.CONTACT, ObjectType.ITEM}


class MemoryCredentials(BaseModel):
    """What opens a plain ledger."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr


class MemorySettings(ConnectorSettings):
    """What a connection to a plain ledger may say."""

    exact_lines: bool = False
    """The ledger wants price x quantity to be each line's net amount."""


class MemoryClientCredentials(BaseModel):
    """What buys a token of a plain ledger that has a sign-in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str
    client_secret: SecretStr


def sign_in(config: ConnectorConfig) -> SignedIn:
    """Buy a token."""
    given = MemoryClientCredentials.model_validate(config.credentials)
    return client.sign_in(config, given.client_id, given.client_secret)


def _key(config: ConnectorConfig) -> SecretStr:
    """What goes into the header: the token of a consent or of a sign-in, or the owner's key."""
    if config.access_token is not None:
        return config.access_token
    return MemoryCredentials.model_validate(config.credentials).api_key


Members = dict[int, PushItem]
"""Items that one call writes, by their places in the batch."""


class MemoryConnector:
    """A plain ledger as the engine sees it. Keeps nothing between calls: any thread may push."""

    def __init__(self, config: ConnectorConfig) -> None:
        settings = config.settings
        self._exact_lines = isinstance(settings, MemorySettings) and settings.exact_lines
        self._base_url = config.base_url
        given = config.credentials
        books = given.callback.get("books") if isinstance(given, OAuthTokens) else None
        self._client = Client(config, _key(config), books)

    def check(self) -> Identity:
        """Whose books these are."""
        books = self._client.organisation()
        return Identity(books.id, books.name, books.base_currency)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """The ledger's feed of changes; its own clock is the cursor."""
        dated = period is not None and (period.start is not None or period.end is not None)
        if dated and kind in UNDATED:
            return
        after = None if period is not None else cursor
        before: set[tuple[str, str]] = set()
        while True:
            listed = self._client.changes(kind, after=after, limit=PAGE_SIZE, period=period)
            # Careless paging repeats what stood at the end of the page before.
            fresh = {(str(one.get("id")), _moment(one)): one for one in listed.items}
            results = [
                mapping.pulled(kind, one, self._base_url)
                for place, one in fresh.items()
                if place not in before
            ]
            moved = max((moment for _, moment in fresh), default="") or after or listed.position
            if listed.more and moved == after:
                raise ProtocolError("the ledger's pages do not advance", code="paging")
            after, before = moved, set(fresh)
            yield Page(
                records=[one for one in results if isinstance(one, PulledRecord)],
                bad=[one for one in results if isinstance(one, BadRecord)],
                cursor=None if period is not None else after,
            )
            if not listed.more:
                return

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Bring each record one step further: one call for each sort of step among them."""
        if kind in READ_ONLY:
            raise Unsupported(f"{kind.plural} are only read from a plain ledger")
        groups: defaultdict[Step, Members] = defaultdict(dict)
        notes: list[tuple[str, ...]] = []
        for place, item in enumerate(items):
            sent, said = self._as_sent(item)
            groups[step_of(sent)][place] = sent
            notes.append(said)
        results: dict[int, PushResult] = {}
        for step, members in groups.items():
            try:
                results |= self._written(step, kind, members)
            except ConnectorError as error:
                if len(groups) == 1:
                    raise
                results |= dict.fromkeys(members, Failed(error))
        return [_with_notes(results[place], said) for place, said in enumerate(notes)]

    def _as_sent(self, item: PushItem) -> tuple[PushItem, tuple[str, ...]]:
        """The item as the ledger wants it, and what a person should know about that."""
        if not self._exact_lines:
            return item, ()
        record, notes = mapping.with_exact_lines(item.record)
        return replace(item, record=record), notes

    def _written(self, step: Step, kind: ObjectType, members: Members) -> dict[int, PushResult]:
        """Write items; where batches are atomic, those that a bad one held up go again.

        That repeats nothing: the ledger said that it wrote none of them.
        """
        results: dict[int, PushResult] = {}
        waiting = dict(members)
        while waiting:
            try:
                written = self._call(step, kind, list(waiting.values()))
            except BatchRefused as refused:
                bad = {
                    place: Failed(error_for(problem, http_status=refused.http_status))
                    for place, problem in zip(waiting, refused.problems, strict=False)
                    if problem is not None
                }
                if not bad:
                    raise
                results |= bad
                waiting = {place: item for place, item in waiting.items() if place not in bad}
            except ConnectorError as error:
                if not results:
                    raise
                return results | dict.fromkeys(waiting, Failed(error))
            else:
                for (place, item), outcome in zip(waiting.items(), written.results, strict=True):
                    results[place] = self._result(kind, item, outcome, written.request_id)
                waiting = {}
        if step is Step.POST:
            self._withdraw(kind, members, results)
        if step in {Step.UPDATE, Step.VOID}:
            self._settle_repeated(step, kind, members, results)
        return results

    def _call(self, step: Step, kind: ObjectType, items: Sequence[PushItem]) -> Written:
        calls = {
            Step.CREATE: self._client.create,
            Step.POST: self._client.post,
            Step.REVISE: self._client.update,
            Step.UPDATE: self._client.update,
            Step.VOID: self._client.void,
            Step.WITHDRAW: self._client.delete,
        }
        return calls[step](kind, [wire_of(step, item) for item in items])

    def _result(
        self, kind: ObjectType, item: PushItem, outcome: Problem | Summary, request_id: str | None
    ) -> PushResult:
        if isinstance(outcome, Problem):
            return Failed(error_for(outcome, request_id=request_id))
        if unfinished(outcome, item) and item.operation is not Operation.VOID:
            return Progressed(progress_after(outcome, item), outcome.id, request_id)
        return mapping.accepted(kind, outcome, self._base_url, request_id=request_id)

    def _withdraw(
        self, kind: ObjectType, members: Members, results: Mapping[int, PushResult]
    ) -> None:
        """Take back the drafts that cannot be posted, so that nothing half-done stays behind."""
        refused = {
            place: result.error
            for place, result in results.items()
            if isinstance(result, Failed) and isinstance(result.error, Rejected | ActionRequired)
        }
        if not refused:
            return
        try:
            written = self._call(Step.WITHDRAW, kind, [members[place] for place in refused])
        except ConnectorError:
            return  # the drafts stay; their records' progress leads back to them
        for error, outcome in zip(refused.values(), written.results, strict=True):
            gone = isinstance(outcome, Problem) and outcome.code == f"unknown_{kind.value}"
            error.withdrawn = gone or isinstance(outcome, Summary)

    def _settle_repeated(
        self, step: Step, kind: ObjectType, members: Members, results: dict[int, PushResult]
    ) -> None:
        """See what is there where an update or void is refused as stale.

        It may have been made already, and its answer lost: the ledger moved on to our own content.
        """
        stale = {
            id_of(members[place]): place
            for place, result in results.items()
            if isinstance(result, Failed) and isinstance(result.error, Conflict)
        }
        if not stale:
            return
        try:
            found = self._client.look_up(kind, ids=list(stale))
        except ConnectorError:
            return
        for stored in found.items:
            place = stale[stored.id]
            void = stored.record.get("status") == "void"
            same = mapping.same_content(members[place].record, stored.record)
            if void if step is Step.VOID else same:
                results[place] = mapping.accepted(kind, stored, self._base_url)
                continue
            current = mapping.pulled(kind, stored.model_dump(mode="json"), self._base_url)
            if isinstance(current, PulledRecord):
                results[place] = Stale(current)

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look all of them up with one call: new ones by marker, those with an id by it."""
        ids = {place: id_of(item) for place, item in enumerate(items) if _has_id(item)}
        markers = {place: item.marker for place, item in enumerate(items) if place not in ids}
        why: str | None = None
        try:
            found = self._client.look_up(kind, ids=ids.values(), markers=markers.values())
        except Rejected as error:
            if error.code != "not_searchable":
                raise
            why = error.message
            found = self._client.look_up(kind, ids=ids.values()) if ids else FoundItems(items=[])
        by_id = {stored.id: stored for stored in found.items}
        results: list[FindResult] = []
        for place, item in enumerate(items):
            if place in ids:
                there = [by_id[ids[place]]] if ids[place] in by_id else []
            elif why is not None:
                results.append(Unclear(why))
                continue
            else:
                there = [one for one in by_id.values() if one.marker == item.marker]
            results.append(self._found(kind, self._as_sent(item)[0], there))
        return results

    def _found(self, kind: ObjectType, item: PushItem, there: Sequence[Stored]) -> FindResult:
        if not there:
            return Absent()
        stored = there[0]
        url = mapping.url_of(kind, stored.id, self._base_url)
        if len(there) > 1:
            return Unclear(f"{len(there)} objects carry the mark {item.marker}", url)
        accepted = mapping.accepted(kind, stored, self._base_url)
        match item.operation:
            case Operation.VOID:
                return Found(accepted) if stored.record.get("status") == "void" else Absent()
            case Operation.UPDATE if not item.progress:
                if mapping.same_content(item.record, stored.record):
                    return Found(accepted)
                if item.version in {None, stored.version}:
                    return Absent()
                return Unclear("it was changed, but not to what we have", url)
        return Found(accepted, progress_found(stored, item) if unfinished(stored, item) else None)


def _moment(item: Mapping[str, object]) -> str:
    """When an object changed; nothing when it does not say so in words that make a cursor."""
    moment = item.get("changed_at")
    return moment if isinstance(moment, str) else ""


def _has_id(item: PushItem) -> bool:
    return bool(item.platform_id or item.progress)


def _with_notes(result: PushResult, notes: tuple[str, ...]) -> PushResult:
    return replace(result, notes=notes) if notes and isinstance(result, Accepted) else result
