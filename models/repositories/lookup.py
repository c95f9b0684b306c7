"""Finding rows by the end of their id: what people type instead of 36 characters."""

from uuid import UUID

from models.repositories.statement import Repository

TABLES = {
    "client": "api_clients",
    "connection": "connections",
    "document": "documents",
    "issue": "issues",
    "record": "synced_records",
    "run": "sync_runs",
    "upload": "uploads",
}


class Lookup(Repository):
    """Ids by their last characters."""

    def ids_ending(self, what: str, ending: str) -> list[UUID]:
        """Up to three ids of a kind of row that end like this (hexadecimal digits)."""
        found = self._execute(
            f"SELECT id FROM {TABLES[what]} WHERE right(id::text, :length) = :ending LIMIT 3",
            length=len(ending),
            ending=ending.lower(),
        )
        return list(found.scalars())
