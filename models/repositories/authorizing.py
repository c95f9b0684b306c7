"""Consents: the questions to a provider's customers, the tokens they gave, and their refresh."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from models.repositories.statement import Repository
from models.tables import AuthorizationRow, ConnectionRow, ConnectionStatus, ConsentRow


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
        """Note a question; the sweeper takes out those that nobody answered."""
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
class Held:
    """What opens a platform's door, encrypted: credentials or tokens, and what they bought."""

    sealed: bytes
    access: bytes | None = None
    """The token that the credentials bought, where they buy one."""
    expires_at: datetime | None = None
    """When the access token ends, where that is known."""


@dataclass(frozen=True)
class Consent:
    """Tokens as they stand, whether they end, and whether new ones may be asked for."""

    held: Held
    token_version: int
    ends_soon: bool
    ended: bool
    closed_for: timedelta | None
    """For so long no request for new ones may leave; None when one may."""


class Consents(Repository):
    """Sets of credentials and tokens."""

    def get(self, consent_id: UUID, margin: timedelta, assumed: timedelta) -> Consent:
        """The present tokens.

        They end soon when less than `margin` is left, or when a token that was bought and whose
        end is not known is older than `assumed`.
        """
        row = self._execute(
            """
            SELECT sealed, access_sealed, expires_at, token_version,
                   coalesce(expires_at < now() + :margin,
                            access_sealed IS NOT NULL AND renewed_at < now() - :assumed)
                       AS ends_soon,
                   coalesce(expires_at <= now(), false) AS ended,
                   CASE WHEN refresh_not_before > now() THEN refresh_not_before - now() END
                       AS closed_for
              FROM consents WHERE id = :id
            """,
            id=consent_id,
            margin=margin,
            assumed=assumed,
        ).one()
        access = None if row.access_sealed is None else bytes(row.access_sealed)
        return Consent(
            Held(bytes(row.sealed), access, row.expires_at),
            row.token_version,
            row.ends_soon,
            row.ended,
            row.closed_for,
        )

    def add(self, provider: str, held: Held) -> UUID:
        """Store credentials, and what they bought."""
        row = ConsentRow(
            provider=provider,
            sealed=held.sealed,
            access_sealed=held.access,
            expires_at=held.expires_at,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def replace(self, consent_id: UUID, held: Held) -> None:
        """Store other credentials in the place of these; a refresh under way is of the old ones."""
        self._execute(
            """
            UPDATE consents
               SET sealed = :sealed, access_sealed = :access, expires_at = :expires_at,
                   renewed_at = now(), refresh_lease_until = NULL, refresh_not_before = NULL,
                   token_version = token_version + 1, updated_at = now()
             WHERE id = :id
            """,
            id=consent_id,
            sealed=held.sealed,
            access=held.access,
            expires_at=held.expires_at,
        )

    def at(self, provider: str, base_url: str | None) -> list[tuple[UUID, bytes]]:
        """The credentials, encrypted, of all connections in use to one address."""
        found = self._execute(
            """
            SELECT DISTINCT c.id, c.sealed
              FROM consents c JOIN connections n ON n.consent_id = c.id
             WHERE n.provider = :provider AND n.base_url IS NOT DISTINCT FROM :base_url
               AND n.status <> 'disconnected'
             ORDER BY c.id
            """,
            provider=provider,
            base_url=base_url,
        )
        return [(row.id, bytes(row.sealed)) for row in found]

    def serves_others(self, consent_id: UUID, connection_id: UUID) -> bool:
        """Whether another connection lives from the same credentials."""
        return bool(
            self._execute(
                "SELECT EXISTS (SELECT FROM connections WHERE consent_id = :consent "
                "AND id <> :connection AND status <> 'disconnected')",
                consent=consent_id,
                connection=connection_id,
            ).scalar_one()
        )

    def claim_refresh(self, consent_id: UUID, token_version: int, lease: timedelta) -> bool:
        """Be the only one who refreshes these tokens, for a while."""
        return bool(
            self._execute(
                """
                UPDATE consents SET refresh_lease_until = now() + :lease
                 WHERE id = :id AND token_version = :version
                   AND (refresh_lease_until IS NULL OR refresh_lease_until < now())
                   AND (refresh_not_before IS NULL OR refresh_not_before <= now())
                """,
                id=consent_id,
                version=token_version,
                lease=lease,
            ).rowcount
        )

    def refreshed(
        self,
        consent_id: UUID,
        token_version: int,
        *,
        sealed: bytes | None,
        access: bytes | None,
        expires_at: datetime | None,
    ) -> bool:
        """Keep new tokens, unless somebody stored newer ones meanwhile.

        Without `sealed` the credentials stay as they are: keys may have been changed meanwhile.
        """
        return bool(
            self._execute(
                """
                UPDATE consents
                   SET sealed = coalesce(:sealed, sealed), access_sealed = :access,
                       expires_at = :expires_at, renewed_at = now(),
                       refresh_lease_until = NULL, refresh_not_before = NULL,
                       token_version = token_version + 1, updated_at = now()
                 WHERE id = :id AND token_version = :version
                """,
                id=consent_id,
                version=token_version,
                sealed=sealed,
                access=access,
                expires_at=expires_at,
            ).rowcount
        )

    def give_up_refresh(
        self, consent_id: UUID, token_version: int, *, pause: timedelta | None = None
    ) -> None:
        """Let somebody else try: at once, or after a pause."""
        self._execute(
            "UPDATE consents SET refresh_lease_until = NULL, "
            "refresh_not_before = now() + CAST(:pause AS interval) "
            "WHERE id = :id AND token_version = :version",
            id=consent_id,
            version=token_version,
            pause=pause,
        )

    def providers(self) -> list[str]:
        """Whose consents there are."""
        found = self._execute("SELECT DISTINCT provider FROM consents ORDER BY provider")
        return [row.provider for row in found]

    def unused(self, provider: str, age: timedelta, limit: int) -> list[ConnectionRow]:
        """A connection of each consent that was not renewed for so long, while somebody wants it."""
        found = self._session.execute(
            select(ConnectionRow)
            .join(ConsentRow, ConsentRow.id == ConnectionRow.consent_id)
            .where(
                ConsentRow.provider == provider,
                ConsentRow.renewed_at < func.now() - age,
                func.coalesce(ConsentRow.refresh_not_before, func.now()) <= func.now(),
                ConnectionRow.status.in_([ConnectionStatus.CONNECTED, ConnectionStatus.PAUSED]),
            )
            .ext(distinct_on(ConnectionRow.consent_id))
            .order_by(ConnectionRow.consent_id, ConnectionRow.id)
            .limit(limit)
        )
        return list(found.scalars())

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
