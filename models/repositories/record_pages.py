"""Which synced records are on a page of a list: decided in indexes, before any row is read.

An index that begins with all that can be filtered by equality and goes on with the order has the
first rows of one *group* (connection, type, side, status ...) next to each other, at any depth. A
page merges the first rows of every group that is meant; a group without rows costs one look.
Only what is on the page is read from the tables, row by row: given a join, PostgreSQL may read
all documents first.

A limit on the time that a list is not sorted by needs more. Groups are told apart by `lag` (how
long after it was made a record was last changed), so that a limit on one time is one on the
other, too: what was changed after noon and at most an hour after it was made, was made after
eleven. And where few records are within the limit, these are read and sorted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from models.repositories.copied import SIDED
from models.repositories.place import Place, RecordKind
from models.repositories.statement import many
from models.tables.synced_record import LAGS

FEW = 10_000
"""So many records are read and sorted rather than looked for in the order of the list."""

_TIMES = {"created_at": "updated_at", "updated_at": "created_at"}
_SIGNS = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
RECORD_FILTERS = {
    "object_id": "r.object_id = CAST(:object_id AS uuid)",
    "object_id__in": "r.object_id = ANY(CAST(:object_id__in AS uuid[]))",
    **{
        f"{column}__{name}": f"r.{column} {sign} CAST(:{column}__{name} AS timestamptz)"
        for column in _TIMES
        for name, sign in _SIGNS.items()
    },
}
"""Parameters of the contract and what they mean; `sync_status` comes in beside them."""

# The least is less than nothing: a change may bear the time at which its transaction began.
_LAGS = ", ".join(
    f"({lag}, interval '{least} s', interval '{most} s')"
    for lag, (least, most) in enumerate(
        zip((-86_400, *LAGS), (*LAGS, 100 * 365 * 86_400), strict=True)
    )
)
_GROUPS = f"""
      FROM (SELECT c.id FROM connection_entities e JOIN connections c ON c.id = e.connection_id
             WHERE e.billing_entity_id = :entity AND c.role = 'ledger') AS c
     CROSS JOIN jsonb_to_recordset(CAST(:kinds AS jsonb)) AS k(type text, side text)
     CROSS JOIN unnest(CAST(:statuses AS text[])) AS s(sync_status)
     CROSS JOIN (VALUES {_LAGS}) AS l(lag, least, most)"""
_IN_GROUP = """
             WHERE r.connection_id = c.id AND r.billing_entity_id = :entity
               AND r.type = k.type AND r.side = k.side AND r.sync_status = s.sync_status
               AND r.lag = l.lag"""


def parameters_of(kinds: Sequence[RecordKind], sync_status: str | None) -> dict[str, Any]:
    """The groups that are meant."""
    sides = {True: ["customer", "supplier"], False: [""]}
    rows = [
        {"type": kind.type.value, "side": side}
        for kind in kinds
        for side in ([kind.of] if kind.of else sides[kind.type in SIDED])
    ]
    statuses = [sync_status] if sync_status else ["pending", "error", "done"]
    return {"kinds": many(rows), "statuses": statuses}


def keyset(alias: str, sort: str, place: Place | None, *, descending: bool) -> tuple[str, str]:
    """The clause that begins after a place, and the order to read in."""
    ascending = descending is (place is not None and place.back)
    direction = "ASC" if ascending else "DESC"
    order = f"{alias}.{sort} {direction}, {alias}.id {direction}"
    if place is None:
        return "true", order
    sign = (">" if ascending else "<") + ("=" if place.inclusive else "")
    kind = "text" if sort == "name" else "timestamptz"
    clause = f"({alias}.{sort}, {alias}.id) {sign} (CAST(:value AS {kind}), CAST(:at AS uuid))"
    return clause, order


def limited_otherwise(filters: Mapping[str, Any], sort: str) -> bool:
    """Whether there is a limit on the time that the list is not sorted by."""
    return any(name.startswith(_TIMES[sort]) for name in filters)


def how_many(filters: Mapping[str, Any], sort: str) -> str:
    """Counts the records within the limit on the other time, up to `FEW`."""
    return f"SELECT count(*) FROM (SELECT 1 {_by_other_time(filters, sort)} LIMIT {FEW}) AS r"


def page_of_few(filters: Mapping[str, Any], sort: str, after: str, order: str) -> str:
    """Reads all within the limit on the other time, and sorts them."""
    clauses = [RECORD_FILTERS[name] for name in filters if name.startswith(sort)]
    return f"""
        SELECT r.id, r.{sort} {_by_other_time(filters, sort)}
         WHERE {" AND ".join([after, *clauses])}
         ORDER BY {order} LIMIT :limit"""


def page(filters: Mapping[str, Any], sort: str, after: str, order: str) -> str:
    """Reads the groups in the order of the list."""
    clauses = [after, *(RECORD_FILTERS[name] for name in filters), *_concluded(filters, sort)]
    return f"""
        SELECT r.id, r.{sort} {_GROUPS}
         CROSS JOIN LATERAL (
            SELECT r.id, r.{sort} FROM synced_records r {_IN_GROUP}
               AND {" AND ".join(clauses)}
             ORDER BY {order} LIMIT :limit) AS r
         ORDER BY {order} LIMIT :limit"""


def page_of_objects(filters: Mapping[str, Any], sort: str, after: str, order: str) -> str:
    """Reads the records of some documents; there are a few of each."""
    named = [RECORD_FILTERS[name] for name in filters if name.startswith("object_id")]
    others = [RECORD_FILTERS[name] for name in filters if not name.startswith("object_id")]
    return f"""
        SELECT r.id, r.{sort}
          FROM (SELECT * FROM synced_records r WHERE {" AND ".join(named)} OFFSET 0) AS r
          JOIN jsonb_to_recordset(CAST(:kinds AS jsonb)) AS k(type text, side text)
            ON r.type = k.type AND r.side = k.side
         WHERE r.billing_entity_id = :entity AND r.sync_status = ANY(:statuses)
           AND EXISTS (SELECT 1 FROM connection_entities e JOIN connections c
                           ON c.id = e.connection_id
                        WHERE e.connection_id = r.connection_id
                          AND e.billing_entity_id = :entity AND c.role = 'ledger')
           AND {" AND ".join([after, *others])}
         ORDER BY {order} LIMIT :limit"""


def _by_other_time(filters: Mapping[str, Any], sort: str) -> str:
    other = _TIMES[sort]
    clauses = [RECORD_FILTERS[name] for name in filters if name.startswith(other)]
    return f"""{_GROUPS}
         CROSS JOIN LATERAL (
            SELECT r.id, r.created_at, r.updated_at FROM synced_records r {_IN_GROUP}
               AND {" AND ".join(clauses)}
             ORDER BY r.{other} LIMIT {FEW}) AS r"""


def _concluded(filters: Mapping[str, Any], sort: str) -> list[str]:
    """What limits on the other time say about the time that the list is sorted by."""
    other = _TIMES[sort]
    later, earlier = (
        ("- l.most", "- l.least") if sort == "created_at" else ("+ l.least", "+ l.most")
    )
    clauses = []
    for name in filters:
        if name.startswith(other):
            sign, shift = (">=", later) if "__g" in name else ("<=", earlier)
            clauses.append(f"r.{sort} {sign} CAST(:{name} AS timestamptz) {shift}")
    return clauses
