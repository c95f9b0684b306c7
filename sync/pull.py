"""Read what changed at a provider and store it, page by page, each page with its cursor.

A page is compared by hash and only what changed is written. Objects that are the ledger's own
become documents; objects of ours only tell what the ledger made of them: balance, paid state,
and whether somebody changed them there. What a source gives goes on to a ledger (`sync.sources`).
A read that fails is never a deletion.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connectors.base import Changes, Connector, ConnectorSpec, Operation, Page, PulledRecord
from connectors.errors import Cause
from models.canonical import AnyRecord, BillingDocument, LedgerAccount, ObjectType
from models.ids import new_ids
from models.repositories import Known, Stored, marker_of
from models.repositories.documents import header_of
from models.tables import ConnectionRole, ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.catalogue import CONNECTION_CODES, in_words
from sync.compare import in_words as differences_in_words
from sync.compare import label
from sync.conflicts import CONTENT, Change, content_digest, judge, theirs_in_our_words
from sync.engine import Engine, log
from sync.reports import queue_paid_states
from sync.sources import Source


@dataclass
class PullJob:
    """One pull of one type for one connection."""

    engine: Engine
    connection: ConnectionRow
    spec: ConnectorSpec
    kind: ObjectType
    run_id: UUID
    full: bool = False
    """Whether everything is read, so that what is not met is gone."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the provider was asked first, in the end by the database's clock."""

    @property
    def _listed(self) -> bool:
        """Whether the provider lists what it waits for, all of it each time."""
        pull = self.spec.pulls(self.kind)
        return pull is not None and pull.changes is Changes.WAITING

    @property
    def starts_over(self) -> bool:
        """Whether a run reads from the start, wherever the one before it ended."""
        return self.full or self._listed

    @property
    def _is_source(self) -> bool:
        return self.connection.role is ConnectionRole.SOURCE

    @property
    def _source(self) -> Source:
        return Source(
            self.engine, self.connection, self.kind, self.spec.name, self.began, lists=self._listed
        )

    def store(self, page: Page) -> None:
        """Store a page and move the cursor, in one transaction."""
        with self.engine.begin() as work:
            for kind in sorted({one.record.type for one in page.along}):
                along = [one for one in page.along if one.record.type is kind]
                brought = replace(self, kind=kind)._store(work, Page(along))  # noqa: SLF001  # its own class
                work.runs.count(self.run_id, kind.value, dict(brought))
            counts = self._store(work, page)
            if page.cursor is not None:
                work.cursors.move(self.connection.id, self.kind, page.cursor)
            work.runs.count(self.run_id, self.kind.value, dict(counts))

    def _store(self, work: UnitOfWork, page: Page) -> Counter[str]:
        # A page may hold an object twice while people work in the ledger: the last one counts.
        pulled = {one.platform_id: one for one in page.records}
        known = work.pulled.known(
            self.connection.id,
            self.kind,
            platform_ids=list(pulled),
            markers=[one.marker for one in pulled.values() if one.marker],
        )
        if self._listed:
            self._listed_but_unreadable(work, page)
        by_id = {pair.platform_id: pair for pair in known if pair.platform_id}
        by_marker = {pair.marker: pair for pair in known if pair.platform_id is None}
        sorted_out = _Sorted()
        for one in pulled.values():
            pair = by_id.get(one.platform_id) or by_marker.get(one.marker or "")
            sorted_out.put(one, pair)
        stored = self._new(work, sorted_out.new) + self._changed(work, sorted_out.theirs)
        self._echoes(work, sorted_out.ours)
        self._gone(work, sorted_out.gone)
        # A version may move on with nothing that we know of; the next update must name it.
        moved = [
            {"id": pair.record_id, **self._shown(one)}
            for one, pair in sorted_out.unchanged
            if one.version != pair.provider_version
        ]
        work.pulled.refresh(moved)
        if self.starts_over:
            unchanged = [pair.record_id for _, pair in sorted_out.unchanged]
            work.pulled.met(self.kind, unchanged, self.run_id)
        if self._is_source:
            waiting = [*sorted_out.theirs, *sorted_out.unchanged] if self._listed else []
            self._source.take_over(work, stored, waiting)
        self._unreadable(work, page)
        for foreign in page.elsewhere:
            log.info(
                "pull.other_billing_entity",
                connection=str(self.connection.id),
                type=self.kind.value,
                object=foreign.platform_id,
                owner=foreign.owner,
            )
        counts = sorted_out.counts(len(page.records), len(page.bad))
        return counts + Counter(elsewhere=len(page.elsewhere))

    def _listed_but_unreadable(self, work: UnitOfWork, page: Page) -> None:
        """What cannot be read is still there."""
        ids = [bad.platform_id for bad in page.bad]
        known = work.pulled.known(self.connection.id, self.kind, platform_ids=ids, markers=[])
        work.pulled.met(self.kind, [pair.record_id for pair in known], self.run_id)

    def take_note(self, work: UnitOfWork, current: Sequence[PulledRecord]) -> None:
        """Compare objects of ours, read again because somebody changed them, whatever changed."""
        known = work.pulled.known(
            self.connection.id,
            self.kind,
            platform_ids=[one.platform_id for one in current],
            markers=[],
        )
        by_id = {pair.platform_id: pair for pair in known if pair.ours}
        met = [(one, by_id[one.platform_id]) for one in current if one.platform_id in by_id]
        self._echoes(work, [(one, pair) for one, pair in met if not one.deleted])
        self._gone(work, [pair for one, pair in met if one.deleted])

    def _new(self, work: UnitOfWork, new: Sequence[PulledRecord]) -> list[Stored]:
        """Objects that were born in the ledger."""
        stored = work.documents.upsert(
            self.connection.billing_entity_id, self.connection.id, [one.written for one in new]
        )
        ids = {one.external_id: one.document_id for one in stored}
        # What the ledger computed went in with a new document; one that we had keeps its own.
        had = {one.external_id for one in stored if not one.created}
        work.documents.refresh_derived(
            [_derived(ids[one.platform_id], one.record) for one in new if one.platform_id in had]
        )
        # A source that waits to be told what became of its document is owed a report.
        owed = self._is_source and self.spec.pushes(self.kind, Operation.COMPLETE) is not None
        paired = [one for one in new if one.platform_id in ids]
        rows = [
            {
                "id": record_id,
                "type": self.kind.value,
                "object_id": ids[one.platform_id],
                "object_date": header_of(one.record).get("document_date"),
                "marker": marker_of(record_id, 1),
                "status": "pending" if owed else "done",
                "progress": dict(one.handle) if one.handle is not None else None,
                **self._shown(one),
            }
            for record_id, one in zip(new_ids(len(paired)), paired, strict=True)
        ]
        work.pulled.pair(self.connection.id, rows)
        return stored

    def _changed(
        self, work: UnitOfWork, changed: Sequence[tuple[PulledRecord, Known]]
    ) -> list[Stored]:
        """The provider's own objects: what it says is what is."""
        stored = work.documents.upsert(
            self.connection.billing_entity_id,
            self.connection.id,
            [one.written for one, _ in changed],
        )
        work.documents.refresh_derived(
            [_derived(pair.object_id, one.record) for one, pair in changed]
        )
        work.pulled.refresh([{"id": pair.record_id, **self._shown(one)} for one, pair in changed])
        return stored

    def _echoes(self, work: UnitOfWork, ours: Sequence[tuple[PulledRecord, Known]]) -> None:
        """Objects of ours: take over what the ledger computed, notice what was changed there."""
        work.documents.refresh_derived(
            [
                _derived(pair.object_id, one.record)
                for one, pair in ours
                if isinstance(one.record, BillingDocument) and one.record.status != "draft"
            ]
        )
        work.pulled.refresh([{"id": pair.record_id, **self._shown(one)} for one, pair in ours])
        sources = {pair.source_id for _, pair in ours if pair.source_id is not None}
        queue_paid_states(work, self.engine, sources, [pair.object_id for _, pair in ours])
        self._compare(work, ours)

    def _compare(self, work: UnitOfWork, ours: Sequence[tuple[PulledRecord, Known]]) -> None:
        """Notice what was changed in the ledger, and settle who wins when both sides were."""
        bodies = work.pulled.bodies([pair.object_id for _, pair in ours])
        settings = self.spec.settings.model_validate(self.connection.settings)
        changes: defaultdict[Change, list[tuple[PulledRecord, Known]]] = defaultdict(list)
        causes: list[tuple[Known, Cause]] = []
        for one, pair in ours:
            document = bodies[pair.object_id]
            change, found = judge(
                pair,
                document,
                one.record,
                shown=self._shown(one)["ledger"],
                policy=settings.conflict_policy,
                tolerance=self.spec.rounding_tolerance,
            )
            changes[change].append((one, pair))
            if change in {Change.DRIFT, Change.CONFLICT}:
                code = "conflict" if change is Change.CONFLICT else "changed_in_ledger"
                words = {"document": label(document), "difference": differences_in_words(found)}
                causes.append((pair, Cause(code, label(document), words)))
        self._raise(work, causes)
        work.pulled.agree([pair.record_id for _, pair in changes[Change.AGREED]])
        if changes[Change.THEIRS]:
            self._take_theirs(work, changes[Change.THEIRS], bodies)

    def _take_theirs(
        self,
        work: UnitOfWork,
        changed: Sequence[tuple[PulledRecord, Known]],
        bodies: Mapping[UUID, AnyRecord],
    ) -> None:
        accounts = [
            account
            for account in work.documents.reference_data(
                self.connection.id, ObjectType.LEDGER_ACCOUNT
            )
            if isinstance(account, LedgerAccount)
        ]
        for owner in {pair.source_id for _, pair in changed}:
            records = [
                theirs_in_our_words(bodies[pair.object_id], one.record, accounts)
                for one, pair in changed
                if pair.source_id == owner
            ]
            work.documents.upsert(self.connection.billing_entity_id, owner, records)
        work.pulled.take_theirs([pair.record_id for _, pair in changed])

    def _gone(self, work: UnitOfWork, gone: Sequence[Known]) -> None:
        """Objects that the ledger deleted, by its own word or by absence from a complete pull."""
        work.documents.mark_deleted([pair.object_id for pair in gone if not pair.ours])
        ours = [pair for pair in gone if pair.ours]
        bodies = work.pulled.bodies([pair.object_id for pair in ours])
        self._raise(
            work,
            [
                (
                    pair,
                    Cause(
                        "deleted_in_ledger",
                        label(bodies[pair.object_id]),
                        {"document": label(bodies[pair.object_id])},
                    ),
                )
                for pair in ours
            ],
        )

    def _raise(self, work: UnitOfWork, found: Sequence[tuple[Known, Cause]]) -> None:
        drafts = {
            pair.record_id: in_words(cause, ledger=self.spec.name, connection=self.connection.id)
            for pair, cause in found
        }
        issues = work.issues.open(self.connection.id, drafts.values())
        rows = [
            (record_id, issues[draft.key], draft.code, draft.sentence)
            for record_id, draft in drafts.items()
        ]
        work.pulled.raise_on(rows)
        stops = {"conflict", "deleted_in_ledger"}
        withdrawn = {pair.record_id for pair, _ in found if pair.gone}
        work.pulled.stop_pushing(
            [row for row in rows if row[2] in stops and row[0] not in withdrawn]
        )

    def _unreadable(self, work: UnitOfWork, page: Page) -> None:
        """Set poison aside as issues; what can be read again closes its issue."""
        code = "unreadable_record"

        def subject(platform_id: str) -> str:
            return f"{self.kind.value} {platform_id}"

        drafts = [
            in_words(
                Cause(
                    code,
                    subject(bad.platform_id),
                    {
                        "type": self.kind.words,
                        "theirs": bad.platform_id,
                        "message": bad.problem,
                    },
                ),
                ledger=self.spec.name,
                connection=self.connection.id,
                provider_message=bad.problem,
            )
            for bad in page.bad
        ]
        work.issues.open(self.connection.id, drafts)
        readable = [subject(one.platform_id) for one in page.records]
        work.issues.close(work.issues.find(self.connection.id, code, readable), by="readable again")

    def _shown(self, one: PulledRecord) -> dict[str, Any]:
        """What the synced record keeps of the ledger's version."""
        header = header_of(one.record)
        shown = (
            "number", "name", "document_date", "currency", "net_total", "tax_total", "total",
            "status",
        )  # fmt: skip
        ledger = {name: header[name] for name in shown if header.get(name) is not None}
        if header.get("balance") is not None:
            ledger["balance"] = header["balance"]
        if one.url:
            ledger["url"] = one.url
        ledger[CONTENT] = content_digest(one.written)
        if one.extra is not None:
            ledger["extra"] = one.extra.model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
        return {
            "platform_id": one.platform_id,
            "platform_object_id": one.platform_id,
            "pulled_hash": _full_hash(one),
            "provider_version": one.version,
            "ledger": ledger,
            "seen_run_id": self.run_id if self.starts_over else None,
        }

    def finish(self, *, listed: bool) -> None:
        """Note the end; after a complete pull, what it did not meet is gone from the ledger.

        `listed` says whether there was a list at all: one that was not given proves nothing.
        """
        with self.engine.begin() as work:
            work.cursors.completed(self.connection.id, self.kind)
            if self._listed and listed:
                gone = self._source.let_go(work, self.run_id)
                work.runs.count(self.run_id, self.kind.value, {"no_longer_waiting": gone})
            elif self.full and not self._listed:
                missing = work.pulled.not_seen(self.connection.id, self.kind, self.run_id)
                self._gone(work, missing)
                work.runs.count(self.run_id, self.kind.value, {"deleted": len(missing)})
            if self.starts_over:
                work.pulled.forget_met(self.kind, self.run_id)
            work.issues.close_empty(self.connection.id, sorted(CONNECTION_CODES))


@dataclass
class _Sorted:
    """A page's objects by what is to be done with them."""

    new: list[PulledRecord] = field(default_factory=list)
    theirs: list[tuple[PulledRecord, Known]] = field(default_factory=list)
    ours: list[tuple[PulledRecord, Known]] = field(default_factory=list)
    unchanged: list[tuple[PulledRecord, Known]] = field(default_factory=list)
    gone: list[Known] = field(default_factory=list)

    def put(self, one: PulledRecord, pair: Known | None) -> None:
        """Decide about one object."""
        if one.deleted:
            if pair is not None and not pair.gone:
                self.gone.append(pair)
        elif pair is None:
            self.new.append(one)
        elif pair.pulled_hash == _full_hash(one) and not pair.gone:
            self.unchanged.append((one, pair))
        elif pair.ours:
            self.ours.append((one, pair))
        else:
            self.theirs.append((one, pair))

    def counts(self, seen: int, unreadable: int) -> Counter[str]:
        """The figures of the page."""
        return Counter(
            seen=seen + unreadable,
            created=len(self.new),
            updated=len(self.theirs) + len(self.ours),
            unchanged=len(self.unchanged),
            deleted=len(self.gone),
            unreadable=unreadable,
        )


def _full_hash(one: PulledRecord) -> str:
    """A digest of everything the ledger shows, what it computed included."""
    digest = hashlib.sha256(one.written.text)
    if one.extra is not None:
        digest.update(one.extra.model_dump_json(exclude_defaults=True).encode())
    return digest.hexdigest()


def _derived(document_id: UUID, record: AnyRecord) -> dict[str, Any]:
    header = header_of(record)
    return {
        "id": document_id,
        "balance": header.get("balance"),
        "status": header.get("status"),
    }


def pull_type(
    job: PullJob, connector: Connector, *, over: Callable[[], bool], renew: Callable[[], bool]
) -> bool:
    """Pull one type until its end or until time is up.

    Args:
        job: What is pulled, and for whom.
        connector: Where from.
        over: Whether the chunk's time is up; asked between pages.
        renew: Holds on to the run; False when somebody else has it.

    Returns:
        Whether the end was reached; otherwise the cursor says where to go on.

    Raises:
        ConnectorError: A page could not be read; the pages before it are stored.
    """
    with job.engine.begin() as work:
        if job.starts_over and not _begun(work, job):
            work.cursors.forget(job.connection.id, job.kind)
        cursor = work.cursors.get(job.connection.id, job.kind)
        job.began = work.connections.now()
    pages, listed = connector.pull(job.kind, cursor), False
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = ahead.submit(next, pages, None)
        while (page := coming.result()) is not None:
            listed = True
            cut_off = page.cursor is not None and over()
            if not cut_off:  # the next page is fetched while this one is stored
                coming = ahead.submit(next, pages, None)
            job.store(page)
            if not renew() or cut_off:
                return False
    job.finish(listed=listed)
    return True


def _begun(work: UnitOfWork, job: PullJob) -> bool:
    """Whether an earlier chunk of this run has read part of the type already."""
    run = work.runs.get(job.run_id)
    return run is not None and job.kind.value in run.counts
