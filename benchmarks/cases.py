"""The requests that are measured: every list, with every documented filter, at every depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from benchmarks.data import EVERY, START, Filled

LISTS = {
    "records": "accounting_synced_records",
    "log": "log",
    "documents": "documents",
    "runs": "runs",
    "issues": "issues",
    "events": "events",
    "deliveries": "webhook_deliveries",
}
TYPES = ("product", "customer", "vendor", "receivable", "bill", "payment_record")
OWN_TYPES = ("contact", "item", "invoice", "bill", "credit_note", "payment", "journal_entry")


@dataclass(frozen=True)
class Case:
    """One request for a page of 100."""

    name: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    deep: bool = False
    """From the row at half the depth on."""


@dataclass(frozen=True)
class Known:
    """Ids to filter by."""

    filled: Filled
    records: int
    objects: list[str]
    issue: str
    endpoint: str
    event: str


def cases(known: Known) -> Iterator[Case]:
    """All requests."""
    end = START + EVERY * known.records
    moments = {
        "old": (START + (end - START) * 0.01).isoformat(),
        "middle": (START + (end - START) / 2).isoformat(),
        "late": (end - timedelta(hours=1)).isoformat(),
    }
    yield from _records(known, moments)
    yield from _log(known, moments)
    yield from _documents(known, moments)
    yield from _others(known)


def _list(name: str, filters: Mapping[str, Any], **more: Any) -> Case:
    words = [f"{key}={_short(value)}" for key, value in filters.items()]
    if more.get("deep"):
        words.append("deep")
    return Case(f"{name}: {', '.join(words) or 'all'}", LISTS[name], filters, **more)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} ids"
    return str(value)[:16]


def _records(known: Known, moments: Mapping[str, str]) -> Iterator[Case]:
    for order in ("asc", "desc"):
        for sort in ("created_at", "updated_at"):
            for deep in (False, True):
                yield _list("records", {"order": order, "sort": sort}, deep=deep)
    for kind in TYPES:
        for deep in (False, True):
            yield _list("records", {"object_type": kind}, deep=deep)
    for status in ("pending", "error", "done"):
        yield _list("records", {"sync_status": status})
        yield _list("records", {"sync_status": status, "object_type": "receivable"}, deep=True)
        yield _list("records", {"sync_status": status, "sort": "updated_at", "order": "desc"})
    yield _list("records", {"object_id": known.objects[0]})
    yield _list("records", {"object_id__in": known.objects})
    for sort in ("created_at", "updated_at"):
        for order in ("asc", "desc"):
            for column in ("created_at", "updated_at"):
                for sign in ("gt", "gte", "lt", "lte"):
                    for moment in moments.values():
                        filters = {f"{column}__{sign}": moment, "sort": sort, "order": order}
                        yield _list("records", filters)
    window = {"updated_at__gte": moments["middle"], "updated_at__lt": moments["late"]}
    yield _list("records", {**window, "sync_status": "error"})
    yield _list("records", {**window, "object_type": "bill"}, deep=True)


def _log(known: Known, moments: Mapping[str, str]) -> Iterator[Case]:
    for deep in (False, True):
        yield _list("log", {}, deep=deep)
    for kind in OWN_TYPES:
        yield _list("log", {"type": kind})
    for status in ("pending", "uncertain", "rejected", "blocked", "held", "done", "skipped"):
        yield _list("log", {"status": status})
    for own in ("true", "false"):
        for deep in (False, True):
            yield _list("log", {"own": own}, deep=deep)
    yield _list("log", {"connection_id": str(known.filled.connection_id)}, deep=True)
    yield _list("log", {"object_id": known.objects[0]})
    yield _list("log", {"issue_id": known.issue})
    for moment in moments.values():
        yield _list("log", {"since": moment})
        yield _list("log", {"since": moment, "status": "blocked", "type": "invoice"}, deep=True)


def _documents(known: Known, moments: Mapping[str, str]) -> Iterator[Case]:
    for deep in (False, True):
        yield _list("documents", {}, deep=deep)
    for kind in OWN_TYPES:
        yield _list("documents", {"type": kind}, deep=True)
    for status in ("open", "paid", "void", "draft", "partially_paid"):
        yield _list("documents", {"status": status})
        yield _list("documents", {"status": status, "type": "bill"}, deep=True)
    for own in ("true", "false"):
        yield _list("documents", {"own": own}, deep=True)
    yield _list("documents", {"source_id": str(known.filled.connection_id)})
    yield _list("documents", {"source_id": str(known.filled.other_entity_id)})
    for number in (500, -1):
        yield _list("documents", {"external_id": f"X-{number}"})
        yield _list("documents", {"number": f"N-{number}"})
        yield _list("documents", {"contact_id": f"X-{number}"})
    for moment in moments.values():
        yield _list("documents", {"updated_since": moment})
        yield _list("documents", {"date_from": moment[:10]})
        yield _list("documents", {"date_to": moment[:10]})
    yield _list("documents", {"date_from": moments["old"][:10], "date_to": moments["old"][:10]})


def _others(known: Known) -> Iterator[Case]:
    connection = {"connection_id": str(known.filled.connection_id)}
    for filters in ({}, connection, {"status": "failed"}, {"status": "running"}):
        yield _list("runs", filters)
    for filters in (
        *({}, connection, {"code": "contact_unknown"}, {"code": "none"}),
        *({"state": "closed"}, {"state": "all"}),
    ):
        yield _list("issues", filters)
    for order in ("asc", "desc"):
        for filters in (
            *({}, {"object_type": "sync_run"}, {"object_type": "issue"}),
            *({"event_action": "failed"}, {"event_action": "opened"}),
        ):
            yield _list("events", {**filters, "order": order})
            yield _list("deliveries", {**filters, "order": order})
        for filters in ({"status": "pending"}, {"status": "failed"}, {"status": "delivered"}):
            yield _list("deliveries", {**filters, "order": order})
    yield _list("deliveries", {"webhook_subscription_id": known.endpoint})
    yield _list("deliveries", {"event_id": known.event})
    half = known.records // 4
    for name in ("payables", "receivables"):
        for offset in (0, 10_000, half // 4, half):
            yield Case(f"accounting: {name}, offset={offset}", f"accounting/{name}",
                       {"offset": offset})  # fmt: skip
    for name in ("accounting_tax_rates", "ledger_accounts", "accounting_connections"):
        yield Case(f"reference: {name}", name)
