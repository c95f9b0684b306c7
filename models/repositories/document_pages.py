"""Which documents are on a page, newest first: decided in indexes, before any row is read.

As in `record_pages`, a page merges the first rows of groups (type and status) of one index; what
else can be filtered by is in that index, too. Documents that are asked for by a name are few of
each type, and so may be those within limits on dates: they are read and sorted.
"""

from collections.abc import Iterable

FEW = 20_000
"""So many documents are read and sorted rather than looked for in the order of the list."""

CONDITIONS = {
    "type": "d.type = :type",
    "external_id": "d.external_id = :external_id",
    "number": "d.number = :number",
    "contact": "d.contact_ref = :contact",
    "status": "d.status = :status",
    "date_from": "d.document_date >= :date_from",
    "date_to": "d.document_date <= :date_to",
    "updated_since": "d.updated_at >= :updated_since",
    "source_id": "d.source_id = :source_id",
}
"""Filters by equality and by limits; `own` comes in beside them."""
DATES = {"date_from", "date_to"}

_MINE = "d.billing_entity_id = :entity AND d.deleted_at IS NULL"
_TYPES = "unnest(CAST(:types AS text[])) AS t(type)"


def page(conditions: Iterable[str], order: str) -> str:
    """Reads the groups in the order of the list.

    Which statuses there are is found by skipping from one to the next in the index.
    """
    return f"""
        WITH RECURSIVE g(type, status) AS (
            SELECT t.type, (SELECT min(d.status) FROM documents d
                             WHERE {_MINE} AND d.type = t.type) FROM {_TYPES}
             UNION ALL
            SELECT g.type, (SELECT min(d.status) FROM documents d
                             WHERE {_MINE} AND d.type = g.type AND d.status > g.status)
              FROM g WHERE g.status IS NOT NULL)
        SELECT d.id FROM g CROSS JOIN LATERAL (
            SELECT d.id FROM documents d
             WHERE {_MINE} AND d.type = g.type AND d.status = g.status
               AND {" AND ".join(conditions)}
             ORDER BY {order} LIMIT :limit) AS d
         ORDER BY {order} LIMIT :limit"""


def page_of_named(by: str, conditions: Iterable[str], order: str) -> str:
    """Reads the documents with an external id or a number, type by type, and sorts them."""
    return f"""
        SELECT d.id FROM {_TYPES} CROSS JOIN LATERAL (
            SELECT * FROM documents d
             WHERE {_MINE} AND d.type = t.type AND {CONDITIONS[by]} OFFSET 0) AS d
         WHERE {" AND ".join(conditions)}
         ORDER BY {order} LIMIT :limit"""


def page_of_contact(conditions: Iterable[str], order: str) -> str:
    """Reads the documents of one contact in the order of the list."""
    return f"""
        SELECT d.id FROM documents d WHERE {_MINE} AND {" AND ".join(conditions)}
         ORDER BY {order} LIMIT :limit"""


def how_many(limits: Iterable[str]) -> str:
    """Counts the documents within limits on dates, up to `FEW`."""
    return f"SELECT count(*) FROM (SELECT 1 {_within(limits)} LIMIT {FEW}) AS d"


def page_of_few(limits: Iterable[str], conditions: Iterable[str], order: str) -> str:
    """Reads all documents within limits on dates, and sorts them."""
    return f"""
        SELECT d.id {_within(limits)} WHERE {" AND ".join(conditions)}
         ORDER BY {order} LIMIT :limit"""


def _within(limits: Iterable[str]) -> str:
    names = list(limits)
    column = "document_date" if DATES & set(names) else "updated_at"
    clauses = [CONDITIONS[name] for name in names if (name in DATES) == (column != "updated_at")]
    return f"""
          FROM {_TYPES} CROSS JOIN LATERAL (
            SELECT * FROM documents d
             WHERE {_MINE} AND d.type = t.type AND {" AND ".join(clauses)}
             ORDER BY d.{column} LIMIT {FEW}) AS d"""
