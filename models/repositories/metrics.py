"""What a monitoring system asks of the whole database, in a few grouped statements.

Their cost follows what is unfinished, never what was ever synced: the partial indexes on
`synced_records` hold only records that move or wait for somebody, the one on `issues` only open
ones, the one on `webhook_deliveries` only waiting ones. Runs are found by the listing index, one
short range per connection. Records that are done are estimated from the table's statistics:
counting them would read the whole table at every scrape.
"""

from dataclasses import dataclass

from models.repositories.statement import Repository


@dataclass(frozen=True)
class Figures:
    """The state of everything, without a tenant's name or id."""

    records: dict[str, int]
    """Unfinished records by status."""
    records_estimated: int
    oldest_due_seconds: float
    """How long the oldest record that could go out has been waiting; 0 when none has."""
    issues: dict[str, int]
    runs: dict[str, int]
    deliveries: int
    oldest_delivery_seconds: float
    connections: dict[str, int]


class Metrics(Repository):
    """Figures over all tenants."""

    def gather(self) -> Figures:
        """Read them all."""
        due = self._execute(
            """
            SELECT r.status, count(*) AS number,
                   max(extract(epoch FROM now() - r.next_attempt_at)) FILTER (
                       WHERE r.status <> 'sending' AND c.status = 'connected'
                         AND c.role = 'ledger'
                         AND (c.posting_from IS NOT NULL OR r.status = 'uncertain')
                         AND (c.parked_until IS NULL OR c.parked_until <= now()))::float8
                   AS waiting
              FROM synced_records r JOIN connections c ON c.id = r.connection_id
             WHERE r.status IN ('pending', 'retry_wait', 'uncertain', 'sending')
             GROUP BY r.status
            UNION ALL
            SELECT status, count(*), NULL FROM synced_records
             WHERE status IN ('rejected', 'blocked', 'held') GROUP BY status
            """
        ).all()
        issues = self._execute(
            "SELECT actor, count(*) AS number FROM issues WHERE closed_at IS NULL GROUP BY actor"
        )
        runs = self._execute(
            """
            SELECT u.status, count(*) AS number FROM connections c
             CROSS JOIN LATERAL (
                SELECT status FROM sync_runs u WHERE u.connection_id = c.id
                   AND u.created_at > now() - interval '24 hours') u
             GROUP BY u.status
            """
        )
        waiting = self._execute(
            """
            SELECT count(*) AS number,
                   extract(epoch FROM now() - min(d.next_attempt_at))::float8 AS oldest
              FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
             WHERE d.status = 'pending' AND w.status = 'enabled'
            """
        ).one()
        connections = self._execute(
            "SELECT status, count(*) AS number FROM connections GROUP BY status"
        )
        estimated = self._execute(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class "
            "WHERE oid = 'synced_records'::regclass"
        ).scalar_one()
        return Figures(
            records={row.status: row.number for row in due},
            records_estimated=estimated,
            oldest_due_seconds=max([0.0, *(row.waiting for row in due if row.waiting)]),
            issues={row.actor: row.number for row in issues},
            runs={row.status: row.number for row in runs},
            deliveries=waiting.number,
            oldest_delivery_seconds=max(0.0, waiting.oldest or 0.0),
            connections={row.status: row.number for row in connections},
        )
