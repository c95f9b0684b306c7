"""OAuth2 over HTTP: asking for consent, exchanging its code, refreshing tokens.

The authorization-code flow of RFC 6749 with PKCE (RFC 7636, method S256). A request to a token
endpoint is never repeated by itself: codes work once, and a refresh token that is sent twice may
cost the whole consent where the provider rotates them.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.base import CallScope, OAuthSpec
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    Cause,
    ConnectorError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Unavailable,
)
from connectors.http import Http, error_in, timeout_of

TOKEN_TIMEOUT_SECONDS = 15
_LONGEST_LIFE_SECONDS = 10 * 366 * 86_400


class OAuthApp(BaseModel):
    """How we are registered at a provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    api_key: SecretStr | None = None
    """Where the provider wants one with every call: Sage Active's subscription key."""
    webhook_key: SecretStr | None = None
    """What the provider signs its webhooks with, where those of all customers come together."""


class OAuthTokens(BaseModel):
    """What a consent gave us: the credentials of a connector that uses OAuth2."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_at: AwareDatetime | None = None
    callback: dict[str, str] = {}
    """What came with the code, of what `OAuthSpec.callback_keeps` names."""

    def plain(self) -> dict[str, Any]:
        """The tokens readable, to be sealed at once."""
        return {
            "access_token": self.access_token.get_secret_value(),
            "refresh_token": self.refresh_token and self.refresh_token.get_secret_value(),
            "expires_at": self.expires_at and self.expires_at.isoformat(),
            "callback": self.callback,
        }


@dataclass(frozen=True)
class TokenEndpoint:
    """Where one connection's tokens come from, and as whom we ask for them."""

    spec: OAuthSpec
    """With absolute addresses."""
    app: OAuthApp


def new_verifier() -> str:
    """A PKCE verifier: it stays here; only its hash goes through the browser."""
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """What a verifier is checked against (S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(endpoint: TokenEndpoint, *, redirect_uri: str, state: str, verifier: str) -> str:
    """The page at the provider where the owner of the books consents."""
    query = {
        "response_type": "code",
        "client_id": endpoint.app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(endpoint.spec.scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    address = endpoint.spec.authorize_url
    joint = "&" if urlsplit(address).query else "?"
    given = {name: value for name, value in query.items() if value}
    return f"{address}{joint}{urlencode(given, quote_via=quote)}"


def exchange(
    client: httpx.Client,
    endpoint: TokenEndpoint,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
    scope: CallScope,
) -> OAuthTokens:
    """The tokens for the code of a consent; it works once.

    Raises:
        AuthorizationLost: The code is not good (any more).
        ActionRequired: The provider does not know us: an operator must act.
        Unavailable: It does not answer.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    return _tokens(client, endpoint, form, secret=[code, verifier], scope=scope)


def refresh(
    client: httpx.Client, endpoint: TokenEndpoint, tokens: OAuthTokens, *, scope: CallScope
) -> OAuthTokens:
    """New tokens for old ones; where the provider rotates them, the old ones end with it.

    Raises:
        AuthorizationLost: The consent has ended: only a new one helps.
        ActionRequired: The provider does not know us: an operator must act.
        Unavailable: It does not answer; whether it rotated the token is not known.
    """
    if tokens.refresh_token is None:
        raise _lost("the access has ended, and the provider gave nothing to renew it with")
    old = tokens.refresh_token.get_secret_value()
    form = {"grant_type": "refresh_token", "refresh_token": old}
    fresh = _tokens(client, endpoint, form, secret=[old], scope=scope)
    return fresh.model_copy(
        update={
            "refresh_token": fresh.refresh_token or tokens.refresh_token,
            "callback": tokens.callback,
        }
    )


class _Answer(BaseModel):
    """RFC 6749, 5.1; what else a provider says is not needed."""

    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: int | None = Field(None, ge=0, le=_LONGEST_LIFE_SECONDS)


def _tokens(
    client: httpx.Client,
    endpoint: TokenEndpoint,
    form: Mapping[str, str],
    *,
    secret: list[str],
    scope: CallScope,
) -> OAuthTokens:
    app, key = endpoint.app, endpoint.app.client_secret.get_secret_value()
    headers = {"Accept": "application/json"}
    if endpoint.spec.secret_in_body:
        form = {**form, "client_id": app.client_id, "client_secret": key}
    else:
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote(app.client_id, safe='')}:{quote(key, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        secret = [*secret, headers["Authorization"]]
    http = Http(
        client,
        "",
        scope,
        secrets=[*secret, key],
        classify=_error_in,
        timeout=timeout_of(TOKEN_TIMEOUT_SECONDS),
    )
    asked_at = datetime.now(UTC)
    try:
        response = http.write("POST", endpoint.spec.token_url, headers=headers, data=form)
        answer = _Answer.model_validate_json(response.content)
    except OutcomeUnknown as error:
        raise Unavailable(error.message, code=error.code, http_status=error.http_status) from None
    except ValidationError:
        raise Unavailable(
            "the provider's token endpoint gave an answer that cannot be read",
            code="unreadable_answer",
        ) from None
    lasts = answer.expires_in
    return OAuthTokens(
        access_token=SecretStr(answer.access_token),
        refresh_token=SecretStr(answer.refresh_token) if answer.refresh_token else None,
        expires_at=None if lasts is None else asked_at + timedelta(seconds=lasts),
    )


class _Problem(BaseModel):
    """RFC 6749, 5.2."""

    error: str = Field(max_length=100)


def _error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """What the token endpoint refuses, and who must act; its own words may quote a token."""
    error = error_in(response, wrote)
    if error is None or isinstance(error, RateLimited | OutcomeUnknown):
        return error
    try:
        code = _Problem.model_validate_json(response.content).error
    except ValidationError:
        code = ""
    status = response.status_code
    if code == "invalid_grant":
        return _lost("the provider says that the consent is used up, revoked or expired", code)
    if code in {"invalid_client", "unauthorized_client"} or isinstance(error, AuthorizationLost):
        return ActionRequired(
            "the provider does not accept our registration: check LEDGERBRIDGE_OAUTH_APPS",
            code=code or error.code,
            http_status=status,
        )
    return ProtocolError(
        f"the provider's token endpoint refuses: HTTP {status} {code}".rstrip(),
        code=code or error.code,
        http_status=status,
    )


def _lost(message: str, code: str = "invalid_grant") -> AuthorizationLost:
    cause = Cause("authorization_lost", "credentials", {"message": message})
    return AuthorizationLost(message, code=code, cause=cause)
