"""Consents: the questions to a provider's customers, the tokens they gave, and their refresh."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from models.repositories.statement import Repository
from models.tables import AuthorizationRow, ConnectionRow, ConnectionStatus


class Authorizations(Repository):
    """Questions that were asked at a provider; each is answered at most once."""

    def start(
        self,
        *,
        connection_id: UUID,
        state_hash: str,
        browser_hash: str,
        sealed: bytes,
        life: timedelta,
    ) -> None:
        """Note a question; those of the connection whose time is long over go."""
        self._execute(
            "DELETE FROM authorizations "
            "WHERE connection_id = :connection AND expires_at < now() - interval '1 day'",
            connection=connection_id,
        )
        self._execute(
            """
            INSERT INTO authorizations
                   (id, connection_id, state_hash, browser_hash, sealed, expires_at)
            VALUES (gen_random_uuid(), :connection, :state, :browser, :sealed, now() + :life)
            """,
            connection=connection_id,
            state=state_hash,
            browser=browser_hash,
            sealed=sealed,
            life=life,
        )

    def claim(
        self, *, state_hash: str, browser_hash: str, code_hash: str
    ) -> AuthorizationRow | None:
        """Use a state up; None when it is unknown, used, too old, or of another browser."""
        found = self._execute(
            """
            UPDATE authorizations SET code_hash = :code
             WHERE state_hash = :state AND browser_hash = :browser
               AND code_hash IS NULL AND expires_at > now()
            RETURNING id
            """,
            code=code_hash,
            state=state_hash,
            browser=browser_hash,
        ).scalar_one_or_none()
        return None if found is None else self._session.get_one(AuthorizationRow, found)

    def find(self, *, state_hash: str, browser_hash: str) -> AuthorizationRow | None:
        """A question that may have been answered already, unless its time is over."""
        return self._session.execute(
            select(AuthorizationRow).where(
                AuthorizationRow.state_hash == state_hash,
                AuthorizationRow.browser_hash == browser_hash,
                AuthorizationRow.expires_at > func.now(),
            )
        ).scalar_one_or_none()

    def ended(self, authorization_id: UUID, outcome: str) -> None:
        """Note what came of the answer."""
        self._execute(
            "UPDATE authorizations SET outcome = :outcome WHERE id = :id",
            outcome=outcome,
            id=authorization_id,
        )


@dataclass(frozen=True)
class Consent:
    """Tokens as they stand, and whether they are about to end."""

    sealed: bytes
    token_version: int
    ends_soon: bool


class Consents(Repository):
    """Sets of credentials and tokens."""

    def get(self, consent_id: UUID, margin: timedelta) -> Consent:
        """The present tokens; they end soon when less than `margin` is left."""
        row = self._execute(
            "SELECT sealed, token_version, "
            "coalesce(expires_at < now() + :margin, false) AS ends_soon "
            "FROM consents WHERE id = :id",
            id=consent_id,
            margin=margin,
        ).one()
        return Consent(bytes(row.sealed), row.token_version, row.ends_soon)

    def claim_refresh(self, consent_id: UUID, token_version: int, lease: timedelta) -> bool:
        """Be the only one who refreshes these tokens, for a while."""
        return bool(
            self._execute(
                """
                UPDATE consents SET refresh_lease_until = now() + :lease
                 WHERE id = :id AND token_version = :version
                   AND (refresh_lease_until IS NULL OR refresh_lease_until < now())
                """,
                id=consent_id,
                version=token_version,
                lease=lease,
            ).rowcount
        )

    def refreshed(
        self, consent_id: UUID, token_version: int, sealed: bytes, expires_at: datetime | None
    ) -> bool:
        """Keep new tokens, unless somebody stored newer ones meanwhile."""
        return bool(
            self._execute(
                """
                UPDATE consents
                   SET sealed = :sealed, expires_at = :expires_at, refresh_lease_until = NULL,
                       token_version = token_version + 1, updated_at = now()
                 WHERE id = :id AND token_version = :version
                """,
                id=consent_id,
                version=token_version,
                sealed=sealed,
                expires_at=expires_at,
            ).rowcount
        )

    def give_up_refresh(self, consent_id: UUID, token_version: int) -> None:
        """Let somebody else try."""
        self._execute(
            "UPDATE consents SET refresh_lease_until = NULL "
            "WHERE id = :id AND token_version = :version",
            id=consent_id,
            version=token_version,
        )

    def connections_of(self, consent_id: UUID) -> list[ConnectionRow]:
        """The connections in use that live from a consent."""
        found = self._session.execute(
            select(ConnectionRow)
            .where(
                ConnectionRow.consent_id == consent_id,
                ConnectionRow.status == ConnectionStatus.CONNECTED,
            )
            .order_by(ConnectionRow.id)
        )
        return list(found.scalars())
