"""Events: what happened becomes a row in the transaction of the change, with its deliveries.

The repositories that make a change call this after it: a rollback leaves no event, and a commit
loses none. One statement tells of any number of rows; it writes nothing for an organisation
that has no endpoint.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from models.repositories.statement import Repository

_TELL = """
WITH happened AS ({happened}),
told AS (
    INSERT INTO events (id, organisation_id, billing_entity_id, object_type, event_type,
                        description, object)
    SELECT gen_random_uuid(), b.organisation_id, b.id, h.object_type, h.event_type,
           h.description, jsonb_strip_nulls(h.object)
      FROM happened h JOIN billing_entities b ON b.id = h.billing_entity_id
     WHERE EXISTS (SELECT 1 FROM webhook_endpoints w
                    WHERE w.organisation_id = b.organisation_id AND w.deleted_at IS NULL)
    RETURNING *)
INSERT INTO webhook_deliveries (id, endpoint_id, event_id, status, attempts, fence,
                                next_attempt_at)
SELECT gen_random_uuid(), w.id, t.id, 'pending', 0, 0, now()
  FROM told t JOIN webhook_endpoints w ON w.organisation_id = t.organisation_id
 WHERE w.status = 'enabled' AND w.deleted_at IS NULL AND w.object_type = t.object_type
   AND (w.event_types = '[]' OR jsonb_exists(w.event_types, t.event_type))
   AND (w.connection_id IS NULL OR EXISTS (
        SELECT 1 FROM connection_entities e
         WHERE e.connection_id = w.connection_id
           AND e.billing_entity_id = t.billing_entity_id))
"""


class Events(Repository):
    """Tells of changes; within their transaction."""

    def connection(self, connection_id: UUID) -> None:
        """A connection has another status than before."""
        self._tell(
            """
            SELECT billing_entity_id, 'accounting_connection' AS object_type,
                   status AS event_type,
                   CASE status
                        WHEN 'connected' THEN 'The accounting system is connected.'
                        WHEN 'disconnected' THEN 'The accounting system was disconnected.'
                        WHEN 'deauthorized' THEN
                             'The accounting system no longer accepts the credentials.'
                        ELSE 'The accounting system waits for consent.'
                   END AS description,
                   jsonb_build_object('id', id, 'platform', provider, 'status', status) AS object
              FROM connections
             WHERE id = :id
               AND status IN ('connected', 'disconnected', 'deauthorized', 'pending_auth')
            """,
            id=connection_id,
        )

    def records(self, record_ids: Sequence[UUID]) -> None:
        """Records are in the ledger, or were refused."""
        if record_ids:
            self._tell(
                """
                SELECT d.billing_entity_id, 'synced_record' AS object_type,
                       CASE r.status WHEN 'rejected' THEN 'failed' ELSE 'done' END AS event_type,
                       CASE r.status
                            WHEN 'rejected' THEN coalesce(r.reason, 'It was refused.')
                            ELSE 'It is in the ledger.' END AS description,
                       jsonb_build_object(
                           'id', r.id, 'connection_id', r.connection_id,
                           'object_type', r.type, 'object_id', r.object_id,
                           'external_id', d.external_id,
                           'platform_object_id', r.platform_object_id,
                           'sync_status', CASE r.status WHEN 'rejected' THEN 'error'
                                                        ELSE 'done' END,
                           'status', r.status, 'error_code', r.reason_code,
                           'error', CASE r.status WHEN 'rejected' THEN r.reason END) AS object
                  FROM synced_records r JOIN documents d ON d.id = r.object_id
                 WHERE r.id = ANY(:ids) AND r.status IN ('done', 'done_manually', 'rejected')
                """,
                ids=list(record_ids),
            )

    def run(self, run_id: UUID) -> None:
        """A run has come to its end."""
        self._tell(
            """
            SELECT c.billing_entity_id, 'sync_run' AS object_type, 'finished' AS event_type,
                   coalesce(u.sentence, '') AS description,
                   jsonb_build_object('id', u.id, 'connection_id', c.id, 'status', u.status,
                                      'trigger', u.trigger, 'counts', u.counts,
                                      'sentence', u.sentence) AS object
              FROM sync_runs u JOIN connections c ON c.id = u.connection_id WHERE u.id = :id
            """,
            id=run_id,
        )

    def issues(self, issue_ids: Sequence[UUID]) -> None:
        """Causes were opened or closed."""
        if issue_ids:
            self._tell(
                """
                SELECT c.billing_entity_id, 'issue' AS object_type,
                       CASE WHEN i.closed_at IS NULL THEN 'opened' ELSE 'closed' END
                           AS event_type,
                       i.sentence AS description,
                       jsonb_build_object('id', i.id, 'connection_id', c.id, 'code', i.code,
                                          'subject', i.subject, 'sentence', i.sentence,
                                          'actor', i.actor, 'next_step', i.next_step,
                                          'closed_by', i.closed_by) AS object
                  FROM issues i JOIN connections c ON c.id = i.connection_id
                 WHERE i.id = ANY(:ids)
                """,
                ids=list(issue_ids),
            )

    def _tell(self, happened: str, **parameters: Any) -> None:
        self._execute(_TELL.format(happened=happened), **parameters)
