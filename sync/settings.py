"""Settings from the environment (`LEDGERBRIDGE_*`); `.env.example` lists them all.

Only entry points read them. Credentials of providers are no settings: they belong to a
connection and live encrypted in the database.
"""

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.auth import OAuthApp


class Settings(BaseSettings):
    """Everything that an operator can set; durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="LEDGERBRIDGE_",
        frozen=True,
        extra="ignore",
        # Some variables are secrets: what does not fit must not be quoted in a log.
        hide_input_in_errors=True,
    )

    home: Path = Path("var")
    """Where the embedded servers keep their data and their credentials key."""
    database_url: str | None = Field(None, repr=False)
    """`postgresql+psycopg://…`; empty: an embedded PostgreSQL under `home`."""
    redis_url: str | None = Field(None, repr=False)
    """`redis://…`; empty: an embedded Redis under `home`."""
    credentials_keys: SecretStr | None = None
    """Comma-separated Fernet keys, the first one encrypts; empty (embedded only): made once."""
    allowed_base_urls: str = ""
    """Comma-separated base URLs that connections may use beside their provider's own hosts."""
    log_level: str = "INFO"
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8000"
    """Where browsers reach the API: connection URLs and OAuth2 callbacks begin with it."""
    oauth_apps: Annotated[dict[str, OAuthApp], NoDecode] = {}
    """JSON: how we are registered at providers, `{"PROVIDER": {"client_id": ..., ...}}`."""
    api_requests_per_second: int = Field(30, ge=1)
    """Of one API client; above it the answer is 429."""
    worker_concurrency: int = Field(2, ge=1)
    heartbeat_file: Path = Path("/tmp/ledgerbridge-worker")  # noqa: S108  # a liveness probe's
    """Touched by a worker about every two seconds while Redis answers."""

    http_timeout_seconds: float = Field(60, gt=0)
    """Longest wait for one answer of a provider."""
    task_soft_limit_seconds: int = Field(240, gt=0)
    task_hard_limit_seconds: int = Field(300, gt=0)
    lease_seconds: int = Field(360, gt=0)
    """How long a claim holds; a record that is still being sent then is looked up."""
    visibility_timeout_seconds: int = Field(900, gt=0)
    soft_shutdown_seconds: int = Field(20, ge=0)
    stop_grace_seconds: int = Field(30, gt=0)
    """What the container or supervisor waits between TERM and KILL."""
    chunk_seconds: float = Field(40, gt=0)
    """Work for one connection in one task; a continuation goes on."""
    deliver_seconds: int = Field(5, gt=0)
    """Time between two looks for webhook deliveries that are due."""
    sweep_seconds: int = Field(30, gt=0)
    wake_seconds: int = Field(5, gt=0)
    """How soon work goes on after a pause that a provider's limits made."""
    schedule_seconds: int = Field(30, gt=0)
    push_attempts: int = Field(8, gt=0)
    """Tries of one record before a person is asked."""
    retry_base_seconds: float = Field(30, gt=0)
    """First pause after a failed try; it doubles up to six hours."""
    first_check_seconds: float = Field(5, ge=0)
    """How soon an unclear write is first looked up."""
    keep_events_days: int = Field(30, ge=7)
    """Webhook events and deliveries; longer than a delivery is tried."""
    keep_log_days: int = Field(400, ge=30)
    """Attempts, finished runs and closed issues. Records and the audit log stay."""

    @property
    def embedded_database(self) -> bool:
        """Whether PostgreSQL is ours to start."""
        return self.database_url is None

    @property
    def embedded_redis(self) -> bool:
        """Whether Redis is ours to start."""
        return self.redis_url is None

    @property
    def lease(self) -> timedelta:
        """The lease as a duration."""
        return timedelta(seconds=self.lease_seconds)

    @field_validator("oauth_apps", mode="before")
    @classmethod
    def _read_apps(cls, given: Any) -> Any:
        return json.loads(given or "{}") if isinstance(given, str) else given

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        """Check the order on which the safety of leases rests."""
        chain = [
            ("HTTP_TIMEOUT_SECONDS", self.http_timeout_seconds),
            ("TASK_SOFT_LIMIT_SECONDS", self.task_soft_limit_seconds),
            ("TASK_HARD_LIMIT_SECONDS", self.task_hard_limit_seconds),
            ("LEASE_SECONDS", self.lease_seconds),
            ("VISIBILITY_TIMEOUT_SECONDS", self.visibility_timeout_seconds),
        ]
        for (shorter, low), (longer, high) in itertools.pairwise(chain):
            if low >= high:
                raise ValueError(
                    f"LEDGERBRIDGE_{shorter} ({low:g}) must be below LEDGERBRIDGE_{longer} "
                    f"({high:g}): otherwise work could go on after its lease has ended"
                )
        if self.soft_shutdown_seconds + 5 >= self.stop_grace_seconds:
            raise ValueError(
                "LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS + 5 must be below "
                "LEDGERBRIDGE_STOP_GRACE_SECONDS: otherwise workers are killed while they stop"
            )
        return self
