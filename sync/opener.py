"""Building connectors from stored connections: addresses, keys, tokens and allowances."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors import auth
from connectors.auth import OAuthApp, OAuthTokens, TokenEndpoint
from connectors.base import (
    CallScope,
    Connector,
    ConnectorConfig,
    ConnectorSpec,
    Uploads,
)
from connectors.errors import (
    ActionRequired,
    OutcomeUnknown,
    Unavailable,
    Unsupported,
)
from models.crypto import KeyRing
from models.repositories import Held
from models.tables import ConnectionRow
from sync.allowances import Allowances, beside, whose
from sync.engine import Another, Renewed
from sync.errors import InvalidInputError

# Dots that lead upwards, backslashes, and whatever is no visible character.
_UNSTEADY = re.compile(r"/(\.|%2e){1,2}(/|$)|[\\?#\s\x00-\x1f\x7f]|%2f|%5c|%00", re.IGNORECASE)


@dataclass(frozen=True)
class Opener:
    """Builds connectors from stored connections; made once per process."""

    spec: Callable[[str], ConnectorSpec]
    keys: KeyRing
    http: Any
    """The process's `httpx.Client`; passed on, never used here."""
    timeout_seconds: float
    allowed_base_urls: tuple[str, ...] = ()
    allow_loopback: bool = False
    oauth_apps: Mapping[str, OAuthApp] = field(default_factory=dict)
    """How we are registered at providers with OAuth2, by their keys."""
    public_url: str = "http://127.0.0.1:8000"
    """Where browsers reach us."""
    allowances: Allowances | None = None
    """Counts requests, so that no more go out than providers allow; None: nobody counts."""

    @property
    def callback_url(self) -> str:
        """Where a provider sends the browser after consent."""
        return f"{self.public_url}/v1/connect/callback"

    def endpoint(self, spec: ConnectorSpec, base_url: str | None) -> TokenEndpoint:
        """Where a connection's consent is asked for and its tokens are fetched.

        Raises:
            InvalidInputError: We are not registered there, or it leads where it may not.
        """
        assert spec.oauth is not None  # noqa: S101  # asked for OAuth2 connectors alone
        app = self.oauth_apps.get(spec.key)
        if app is None:
            raise InvalidInputError(
                f"we are not registered at {spec.name}: an operator adds {spec.key!r} to "
                "LEDGERBRIDGE_OAUTH_APPS"
            )

        def absolute(address: str) -> str:
            path = address
            if not address.startswith("/"):
                at_home = base_url is None or urlsplit(base_url).hostname in spec.hosts
                if at_home or not spec.hosts:
                    return address
                # A stand-in for the provider stands in for its authorization server too.
                path = urlsplit(address).path
            return self.checked_url(spec, base_url).rstrip("/") + path

        at = replace(
            spec.oauth,
            authorize_url=absolute(spec.oauth.authorize_url),
            token_url=absolute(spec.oauth.token_url),
        )
        return TokenEndpoint(at, app)

    def renew(self, connection: ConnectionRow, sealed: bytes, scope: CallScope) -> Renewed:
        """Get a token for older ones or for credentials; `sync.tokens` lets it happen once.

        Raises:
            ActionRequired: The consent has ended, or the provider does not know us any more.
            Transient: The provider gives none now.
        """
        spec = self.spec(connection.provider)
        if spec.sign_in is not None:
            return self._signed_in(connection, spec, sealed, scope)
        try:
            endpoint = self.endpoint(spec, connection.base_url)
        except InvalidInputError as error:
            raise ActionRequired(str(error), code="not_registered") from None
        opened = self.keys.open(sealed)
        new = auth.refresh(self.http, endpoint, _tokens_in(spec, opened), scope=scope)
        # What a connector keeps beside the tokens stays.
        return Renewed(self.keys.seal({**opened, **new.plain()}), new.expires_at)

    def _signed_in(
        self, connection: ConnectionRow, spec: ConnectorSpec, sealed: bytes, scope: CallScope
    ) -> Renewed:
        assert spec.sign_in is not None  # noqa: S101  # asked by the caller
        try:
            new = spec.sign_in(self.config(connection, sealed, scope))
        except OutcomeUnknown as error:
            # A token that may have been given is lost; nothing is written twice by asking again.
            raise Unavailable(
                error.message, code=error.code, http_status=error.http_status
            ) from None
        token = {"access_token": new.access_token.get_secret_value()}
        return Renewed(None, new.expires_at, self.keys.seal(token))

    def open(
        self,
        connection: ConnectionRow,
        held: Held,
        scope: CallScope,
        another: Another | None = None,
    ) -> Connector:
        """A connector that speaks for a connection; `another` is asked when a token is refused."""
        spec = self.spec(connection.provider)
        return spec.build(self._ready(connection, held, scope, another))

    def uploads(
        self, connection: ConnectionRow, held: Held, scope: CallScope, another: Another | None
    ) -> Uploads:
        """What hands files in for a connection.

        Raises:
            Unsupported: Its provider takes none.
        """
        spec = self.spec(connection.provider).of(connection.settings)
        if spec.uploads is None:
            raise Unsupported(f"no files are handed in at {spec.name} through this connection")
        return spec.uploads.open(self._ready(connection, held, scope, another))

    def _ready(
        self, connection: ConnectionRow, held: Held, scope: CallScope, another: Another | None
    ) -> ConnectorConfig:
        """A connection's configuration with its token and its allowance."""
        spec = self.spec(connection.provider)
        config = self.config(connection, held.sealed, scope)
        allowed = spec.of(connection.settings or {})
        if self.allowances is not None and allowed.limits.stated:
            at = (allowed, config.base_url, connection)
            scope.allowance = self.allowances.of(allowed.limits, whose(*at), beside(*at))
        token = self._token(spec, held)
        if token is None:
            return config

        def renew(refused: SecretStr) -> SecretStr:
            assert another is not None  # noqa: S101  # see below
            now = another(lambda given: self._token(spec, given) == refused)
            return self._token(spec, now) or refused

        return replace(config, access_token=token, renew=renew if another is not None else None)

    def leave(self, connection: ConnectionRow, held: Held, scope: CallScope) -> None:
        """Tell the provider that a connection has ended, where it wants to know."""
        spec = self.spec(connection.provider)
        if spec.leave is not None:
            config = self.config(connection, held.sealed, scope)
            spec.leave(replace(config, access_token=self._token(spec, held)))

    def config(self, connection: ConnectionRow, sealed: bytes, scope: CallScope) -> ConnectorConfig:
        """What a connector is built from; tokens that credentials buy are missing."""
        spec = self.spec(connection.provider)
        return ConnectorConfig(
            base_url=self.checked_url(spec, connection.base_url),
            credentials=spec.credentials.model_validate(self.keys.open(sealed)),
            settings=spec.settings.model_validate(connection.settings),
            http=self.http,
            scope=scope,
            organisation_id=connection.platform_organisation_id or None,
            timeout_seconds=self.timeout_seconds,
            app_key=self.app_key(spec),
        )

    def _token(self, spec: ConnectorSpec, held: Held) -> SecretStr | None:
        """The token that goes out with requests; None where keys do."""
        if held.access is not None:
            return SecretStr(self.keys.open(held.access)["access_token"])
        if spec.oauth is not None:
            return _tokens_in(spec, self.keys.open(held.sealed)).access_token
        return None

    def app_key(self, spec: ConnectorSpec) -> SecretStr | None:
        """The key of our registration at a provider, where it has one."""
        app = self.oauth_apps.get(spec.key)
        return app.api_key if app else None

    def checked_url(self, spec: ConnectorSpec, base_url: str | None) -> str:
        """The base URL to use, if it is one that may be used.

        Raises:
            InvalidInputError: It leads somewhere that neither the provider nor the operator named.
        """
        if spec.by_others:
            if base_url is not None:
                raise InvalidInputError(f"{spec.name} has no base URL: nobody here calls it")
            return ""
        url = base_url or spec.default_base_url
        if url is None:
            raise InvalidInputError(f"{spec.name} needs a base URL: give it with --base-url")
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInputError(f"{url!r} is not a base URL: it must start with https://")
        if parts.username or parts.password:
            raise InvalidInputError("a base URL must not hold credentials: put them into the file")
        if parts.query or parts.fragment or _UNSTEADY.search(url):
            # What is appended to it must be a path below it, however a server reads it.
            raise InvalidInputError(f"{url!r} is not a base URL: it must be a plain address")
        listed = any(
            url.rstrip("/") == allowed or url.startswith(f"{allowed}/")
            for allowed in self.allowed_base_urls
        )
        if listed or (parts.scheme == "https" and parts.hostname in spec.hosts):
            return url
        loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if loopback and self.allow_loopback:
            return url
        raise InvalidInputError(
            f"{parts.scheme}://{parts.netloc} is no address of {spec.name} that is allowed: an "
            "operator can add it to LEDGERBRIDGE_ALLOWED_BASE_URLS"
        )


def _tokens_in(spec: ConnectorSpec, opened: Mapping[str, Any]) -> OAuthTokens:
    """The tokens among a connector's credentials."""
    credentials = spec.credentials.model_validate(opened)
    assert isinstance(credentials, OAuthTokens)  # noqa: S101  # a connector with OAuth2 has them
    return credentials
