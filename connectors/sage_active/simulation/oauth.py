"""The authorization server: codes of a minute, tokens of eight hours, refresh tokens that rotate.

Client id and secret are read from the form ("authentication" pages); a mobile or browser client
proves itself with PKCE instead of the secret, a server may do both.
"""

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connectors.sage_active.simulation.rules import ServerRules
from connectors.simulator import Answer, Refusal, Request

SCOPES = frozenset({"RDSA", "WDSA", "offline_access", "openid", "profile"})


@dataclass
class Consent:
    """What a user agreed to; ends when it is withdrawn, revoked, or a token is replayed."""

    scope: frozenset[str]
    ended: bool = False


@dataclass(frozen=True)
class _Code:
    consent: Consent
    redirect_uri: str
    challenge: str | None
    until: dt.datetime


class Tokens:
    """Codes and tokens; to be used under the server's lock."""

    def __init__(self, rules: Callable[[], ServerRules], now: Callable[[], dt.datetime]) -> None:
        self._rules = rules
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[Consent, dt.datetime]] = {}
        self._refresh: dict[str, Consent] = {}
        self._spent: dict[str, Consent] = {}
        self._consents: list[Consent] = []

    def sign_in(self, scope: str) -> dict[str, Any]:
        """Tokens as after a browser sign-in."""
        return self._given(self._consent(frozenset(scope.split())))

    def withdraw(self) -> None:
        """All consents end."""
        for consent in self._consents:
            consent.ended = True

    def expire(self) -> None:
        """All access tokens end."""
        self._access = {token: (one, self._now()) for token, (one, _) in self._access.items()}

    def consent_of(self, token: str) -> Consent | None:
        """What an access token stands for, while it works."""
        consent, until = self._access.get(token, (None, self._now()))
        works = consent is not None and not consent.ended and self._now() < until
        return consent if works else None

    def authorize(self, request: Request) -> Answer:
        """Send the browser back with a code, or with a refusal."""
        query, rules = request.query, self._rules()
        if query.get("client_id") != rules.client_id or "redirect_uri" not in query:
            raise Refusal(400, {"error": "invalid_request"})
        scope = frozenset(query.get("scope", "").split())
        method = query.get("code_challenge_method", "S256" if "code_challenge" in query else "")
        given = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code" or method not in {"", "S256"}:
            given["error"] = "invalid_request"
        elif not scope or scope - SCOPES:
            given["error"] = "invalid_scope"
        elif not rules.consents:
            given["error"] = "access_denied"
        else:
            code = secrets.token_urlsafe(24)
            self._codes[code] = _Code(
                self._consent(scope),
                query["redirect_uri"],
                query.get("code_challenge"),
                self._now() + rules.code_life,
            )
            host = request.headers.get("host", "localhost")
            given |= {"code": code, "scope": " ".join(sorted(scope)), "iss": f"http://{host}"}
        joint = "&" if "?" in query["redirect_uri"] else "?"
        return Answer(302, b"", {"location": f"{query['redirect_uri']}{joint}{urlencode(given)}"})

    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        form = _form(request)
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return Answer(200, self._given(self._exchanged(form)))
        if kind == "refresh_token":
            self._require_client(form)
            if "scope" in form:
                raise _refused("invalid_scope")
            return Answer(200, self._given(self._refreshed(form.get("refresh_token", ""))))
        raise _refused("unsupported_grant_type")

    def revoke(self, request: Request) -> Answer:
        """End a token and the consent behind it; unknown tokens are no error (RFC 7009)."""
        form = _form(request)
        self._require_client(form)
        token = form.get("token", "")
        consent, _ = self._access.get(token, (None, None))
        consent = consent or self._refresh.get(token)
        if consent is not None:
            consent.ended = True
        return Answer(200, b"")

    def _consent(self, scope: frozenset[str]) -> Consent:
        self._consents.append(consent := Consent(scope))
        return consent

    def _require_client(self, form: dict[str, str]) -> None:
        rules = self._rules()
        if form.get("client_id") != rules.client_id:
            raise _refused("invalid_client", 401)
        if form.get("client_secret") != rules.client_secret:
            raise _refused("invalid_client", 401)

    def _exchanged(self, form: dict[str, str]) -> Consent:
        code = self._codes.get(form.get("code", ""))
        if code is None or code.challenge is None or "client_secret" in form:
            self._require_client(form)
        elif form.get("client_id") != self._rules().client_id:
            raise _refused("invalid_client", 401)
        word = form.get("code", "")
        self._codes.pop(word, None)
        if code is None:
            raise self._replayed(word)
        self._spent[word] = code.consent
        verifier = form.get("code_verifier", "")
        fits = code.redirect_uri == form.get("redirect_uri") and self._now() < code.until
        if code.challenge is not None:
            fits = fits and code.challenge == _challenge(verifier)
        if not fits:
            raise _refused("invalid_grant")
        return code.consent

    def _refreshed(self, word: str) -> Consent:
        consent = self._refresh.get(word)
        if consent is None:
            raise self._replayed(word)
        if consent.ended:
            raise _refused("invalid_grant")
        if self._rules().rotates_tokens:
            self._spent[word] = self._refresh.pop(word)
        return consent

    def _replayed(self, word: str) -> Refusal:
        if word in self._spent and self._rules().replay_ends_consent:
            self._spent[word].ended = True
        return _refused("invalid_grant")

    def _given(self, consent: Consent) -> dict[str, Any]:
        life: timedelta = self._rules().access_life
        access = secrets.token_urlsafe(48)
        self._access[access] = (consent, self._now() + life)
        body: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(life.total_seconds()),
            "scope": " ".join(sorted(consent.scope)),
        }
        if "offline_access" in consent.scope:
            body["refresh_token"] = secrets.token_urlsafe(48)
            self._refresh[body["refresh_token"]] = consent
        return body


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    if not kind.startswith("application/x-www-form-urlencoded"):
        raise _refused("invalid_request")
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused(error: str, status: int = 400) -> Refusal:
    return Refusal(status, {"error": error})
