"""What is not kept for ever: old rows go a few at a time, and never those that are still needed.

Each statement begins where an index has the oldest rows. What another transaction holds is left
for the next time, so that two sweeps do not wait for each other.
"""

from datetime import timedelta
from enum import StrEnum

from models.ids import before
from models.repositories.statement import Repository


class Old(StrEnum):
    """What can grow old, in the order in which it may go: what refers to others goes first."""

    DELIVERIES = "webhook_deliveries"
    EVENTS = "events"
    ENDPOINTS = "webhook_endpoints"
    ATTEMPTS = "attempts"
    RUNS = "sync_runs"
    ISSUES = "issues"
    KEYS = "idempotency_keys"
    AUTHORIZATIONS = "authorizations"


# Ids that begin with the time (`models.ids`) are compared with :boundary; others have an index
# on their owner and the time.
_FOUND = {
    Old.DELIVERIES: """
        SELECT d.id FROM webhook_endpoints w
         CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries
             WHERE endpoint_id = w.id AND created_at < now() - :age
               AND (lease_until IS NULL OR lease_until < now())
             ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED) d
         LIMIT :limit""",
    Old.EVENTS: """
        SELECT e.id FROM organisations o
         CROSS JOIN LATERAL (
            SELECT id FROM events
             WHERE organisation_id = o.id AND created_at < now() - :age
               AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = events.id)
             ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED) e
         LIMIT :limit""",
    Old.ENDPOINTS: """
        SELECT id FROM webhook_endpoints w
         WHERE deleted_at < now() - :age
           AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = w.id)
         LIMIT :limit FOR UPDATE SKIP LOCKED""",
    # Without an outcome it may still be under way, or is the evidence that nobody knows.
    Old.ATTEMPTS: """
        SELECT id FROM attempts WHERE id < :boundary AND finished_at IS NOT NULL
         ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED""",
    # The last one of a connection stays: it says how things stand.
    Old.RUNS: """
        SELECT id FROM sync_runs u
         WHERE id < :boundary AND finished_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM sync_runs n
                        WHERE n.connection_id = u.connection_id AND n.created_at > u.created_at)
         ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED""",
    Old.ISSUES: """
        SELECT id FROM issues i
         WHERE id < :boundary AND closed_at < now() - :age
           AND NOT EXISTS (SELECT 1 FROM synced_records r WHERE r.issue_id = i.id)
         ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED""",
    Old.KEYS: """
        SELECT id FROM idempotency_keys WHERE id < :boundary
         ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED""",
    Old.AUTHORIZATIONS: """
        SELECT id FROM authorizations WHERE expires_at < now() - :age
         LIMIT :limit FOR UPDATE SKIP LOCKED""",
}


class Retention(Repository):
    """Takes out what is old enough."""

    def drop(self, what: Old, age: timedelta, limit: int) -> int:
        """Take out at most so many rows that are older; how many."""
        given = {"age": age, "boundary": before(age)}
        statement = f"DELETE FROM {what.value} WHERE id IN ({_FOUND[what]})"
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        return self._execute(statement, limit=limit, **named).rowcount
