"""Change data capture: full objects that changed, and what was deleted; pages of nothing.

Pages "Change data capture" and "ChangeDataCapture" of the reference (read 2026-11-20): 30 days, at
most 1000 objects an answer. Which 1000 is not said; here the latest changes are kept.
"""

import datetime as dt

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books
from connectors.quickbooks.simulated.entities import ENTITIES
from connectors.quickbooks.simulated.render import shown, tombstone
from connectors.quickbooks.simulated.values import moment


def changes(books: Books, entities: str | None, since: str | None) -> Json:
    """`CDCResponse` for a list of entities.

    Raises:
        Refused: An entity is not captured, or the time is too long ago.
    """
    names = _names(entities)
    at = _since(books, since)
    live = [row for name in names for row in books.rows(name) if row.updated >= at]
    gone = [one for one in books.deleted if one.entity in names and one.at >= at]
    latest = [(row.updated, row.key) for row in live]
    latest += [(one.at, (one.entity, one.id)) for one in gone]
    latest.sort(reverse=True)
    kept = {key for _, key in latest[: books.rules.largest_answer]}
    found = []
    for name in names:
        rows = [shown(books, row) for row in live if row.entity == name and row.key in kept]
        rows += [
            tombstone(one.id, one.at)
            for one in gone
            if one.entity == name and (name, one.id) in kept
        ]
        page = {name: rows, "startPosition": 1, "maxResults": len(rows)}
        found.append(page if rows else {})
    return {"CDCResponse": [{"QueryResponse": found if any(found) else [{}]}]}


def _names(entities: str | None) -> list[str]:
    if not entities:
        raise answers.missing("entities")
    found = []
    for said in entities.split(","):
        entity = ENTITIES.get(said.strip())
        if entity is None or not entity.captured:
            raise answers.invalid("entities", said)
        if entity.name not in found:
            found.append(entity.name)
    return found


def _since(books: Books, since: str | None) -> dt.datetime:
    if not since:
        raise answers.missing("changedSince")
    try:
        at = moment(since, books.zone)
    except ValueError:
        raise answers.invalid("changedSince", since) from None
    if at < books.now() - dt.timedelta(days=books.rules.cdc_days):
        raise answers.invalid("changedSince", f"{since}, more than {books.rules.cdc_days} days ago")
    return at
