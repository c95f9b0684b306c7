"""Who may come in: users, consents, tokens, connections to tenants.

Source: developer.xero.com "OAuth 2.0" FAQ and flow pages as others keep them, read 2026-11-20.
Access tokens look like JWTs and are looked up, not verified. Ours, because no source decides: that
every use of an old refresh token within its grace gives another pair, that a wrong client is
answered 400, and that an access token of a withdrawn consent is still a token, which opens nothing.
"""

import base64
import datetime as dt
import hashlib
import json
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from connectors.faults import Answer, Refusal, Request
from connectors.xero.simulated import answers
from connectors.xero.simulated.rules import XeroRules

AREAS = (
    "accounting.invoices",
    "accounting.payments",
    "accounting.contacts",
    "accounting.settings",
    "accounting.manualjournals",
    "accounting.banktransactions",
)
_SCOPES = frozenset(
    {"openid", "profile", "email", "offline_access", "accounting.journals.read"}
    | {f"{area}{suffix}" for area in AREAS for suffix in ("", ".read")}
)
"""The broad ones (`accounting.transactions`) are refused to new apps."""


@dataclass(eq=False)
class Consent:
    """What somebody agreed to, once."""

    user: str
    scopes: frozenset[str]
    event_id: str
    ended: bool = False


@dataclass
class Connection:
    """A tenant that a user connected to the app."""

    id: str
    user: str
    tenant_id: str
    name: str
    event_id: str
    created: dt.datetime


@dataclass(frozen=True)
class _Code:
    consent: Consent
    redirect_uri: str
    challenge: str
    until: dt.datetime


@dataclass
class _Refresh:
    consent: Consent
    until: dt.datetime
    rotated: bool = False


@dataclass
class Identity:
    """Codes, tokens and connections; use it under the server's lock."""

    rules: Callable[[], XeroRules]
    clock: Callable[[], dt.datetime]
    tenants: Mapping[str, list[tuple[str, str]]]
    """User → (tenant id, name)."""
    chance: random.Random
    connections: list[Connection] = field(default_factory=list)
    token_calls: Counter[str] = field(default_factory=Counter)
    _codes: dict[str, _Code] = field(default_factory=dict)
    _access: dict[str, tuple[Consent, dt.datetime]] = field(default_factory=dict)
    _refresh: dict[str, _Refresh] = field(default_factory=dict)
    _consents: list[Consent] = field(default_factory=list)

    def sign_in(self, user: str, scopes: str) -> dict[str, Any]:
        """Somebody consents for everything they may connect; returns the token answer."""
        return self._tokens(self._consent(user, scopes))

    def withdraw(self, user: str) -> None:
        """Somebody withdraws all that they agreed to."""
        for consent in self._consents:
            consent.ended = consent.ended or consent.user == user
        self.connections[:] = [one for one in self.connections if one.user != user]

    def expire(self) -> None:
        """All access tokens end now."""
        now = self.clock()
        for token, (consent, until) in self._access.items():
            self._access[token] = (consent, min(until, now))

    def disconnect(self, tenant_id: str) -> None:
        """A tenant is no longer connected."""
        self.connections[:] = [one for one in self.connections if one.tenant_id != tenant_id]

    def caller(self, request: Request) -> Consent:
        """The consent that a request's token comes from.

        Raises:
            Refusal: 401.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        lower = self.rules().lower_case_problems
        if scheme.lower() != "bearer" or token not in self._access:
            raise answers.problem(401, "AuthenticationUnsuccessful", lower=lower)
        consent, until = self._access[token]
        if self.clock() >= until:
            detail = f"TokenExpired: token expired at {until:%m/%d/%Y %H:%M:%S}"
            raise answers.problem(401, detail, lower=lower)
        return consent

    def tenant(self, request: Request, consent: Consent) -> str:
        """The tenant that a request is for.

        Raises:
            Refusal: 403: none, or one that the user has not connected.
        """
        wanted = request.headers.get("xero-tenant-id", "").lower()
        if any(one.tenant_id == wanted and one.user == consent.user for one in self.connections):
            return wanted
        lower = self.rules().lower_case_problems
        raise answers.problem(403, "AuthenticationUnsuccessful", lower=lower)

    def require(self, consent: Consent, areas: tuple[str, ...], *, reads: bool) -> None:
        """Refuse a call that none of the consent's scopes covers."""
        enough = set(areas) | ({f"{area}.read" for area in areas} if reads else set())
        if not consent.scopes & enough:
            rules = self.rules()
            raise answers.problem(
                rules.says_missing_scope_with,
                "AuthorizationUnsuccessful",
                lower=rules.lower_case_problems,
            )

    def listed(self, request: Request) -> list[dict[str, Any]]:
        """What `GET /connections` says."""
        consent = self.caller(request)
        event = request.query.get("authEventId")
        return [
            {
                "id": one.id,
                "authEventId": one.event_id,
                "tenantId": one.tenant_id,
                "tenantType": "ORGANISATION",
                "tenantName": one.name,
                "createdDateUtc": one.created.strftime("%Y-%m-%dT%H:%M:%S.%f0"),
                "updatedDateUtc": one.created.strftime("%Y-%m-%dT%H:%M:%S.%f0"),
            }
            for one in self.connections
            if one.user == consent.user and event in {None, one.event_id}
        ]

    def remove(self, request: Request, connection_id: str) -> Answer:
        """What `DELETE /connections/{id}` does."""
        consent = self.caller(request)
        for one in self.connections:
            if one.id == connection_id.lower() and one.user == consent.user:
                self.connections.remove(one)
                return Answer(204)
        raise answers.not_found()

    def authorize(self, request: Request) -> Answer:
        """Send the browser back with a code, or with a refusal; an unknown address gets neither."""
        query, rules = request.query, self.rules()
        address = query.get("redirect_uri", "")
        if query.get("client_id") != rules.client_id or not _registered(address, rules):
            raise Refusal(400, {"error": "invalid_request", "error_description": "redirect_uri"})
        given = {"state": query["state"]} if "state" in query else {}
        wanted = set(query.get("scope", "").split())
        challenged = query.get("code_challenge_method", "S256") == "S256"
        if query.get("response_type") != "code" or not challenged:
            given["error"] = "invalid_request"
        elif not wanted or not wanted <= _SCOPES:
            given["error"] = "invalid_scope"
        elif not rules.consents:
            given["error"] = "access_denied"
        else:
            consent = self._consent(rules.consents_as, " ".join(wanted))
            given["code"] = secrets.token_urlsafe(32)
            self._codes[given["code"]] = _Code(
                consent,
                address,
                query.get("code_challenge", ""),
                self.clock() + rules.code_life,
            )
            given["scope"] = query["scope"]
        return Answer(302, b"", {"location": f"{address}?{urlencode(given)}"})

    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        form = _form(request)
        try:
            self._require_client(request, form)
            consent = self._granted(form)
        except Refusal as refusal:
            self.token_calls[refusal.answer.body["error"]] += 1
            raise
        self.token_calls[form["grant_type"]] += 1
        return Answer(200, self._tokens(consent))

    def _granted(self, form: Mapping[str, str]) -> Consent:
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchanged(form)
            case "refresh_token":
                return self._refreshed(form.get("refresh_token", ""))
        raise Refusal(400, {"error": "unsupported_grant_type"})

    def revoke(self, request: Request) -> Answer:
        """End a refresh token, and with it all connections of its user."""
        form = _form(request)
        self._require_client(request, form)
        if known := self._refresh.get(form.get("token", "")):
            self.withdraw(known.consent.user)
        return Answer(200, {})

    def _consent(self, user: str, scopes: str) -> Consent:
        event_id = new_guid(self.chance)
        consent = Consent(user, frozenset(scopes.split()), event_id)
        self._consents.append(consent)
        chosen = self.rules().consents_to
        for tenant_id, name in self.tenants[user]:
            if chosen and name not in chosen:
                continue
            known = next((one for one in self.connections if one.tenant_id == tenant_id), None)
            if known is not None:
                known.event_id = event_id
                continue
            made = Connection(new_guid(self.chance), user, tenant_id, name, event_id, self.clock())
            self.connections.append(made)
        return consent

    def _require_client(self, request: Request, form: Mapping[str, str]) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(encoded, validate=True).decode()
            except ValueError:
                pair = ""
            name, _, secret = (unquote(part) for part in pair.partition(":"))
        rules = self.rules()
        if (name, secret) != (rules.client_id, rules.client_secret):
            raise Refusal(400, {"error": "invalid_client"})

    def _exchanged(self, form: Mapping[str, str]) -> Consent:
        code = self._codes.pop(form.get("code", ""), None)
        if (
            code is None
            or code.redirect_uri != form.get("redirect_uri")
            or self.clock() >= code.until
            or (code.challenge and code.challenge != _challenge(form.get("code_verifier", "")))
        ):
            raise Refusal(400, {"error": "invalid_grant"})
        return code.consent

    def _refreshed(self, word: str) -> Consent:
        known = self._refresh.get(word)
        if known is None or known.consent.ended or self.clock() >= known.until:
            raise Refusal(400, {"error": "invalid_grant"})
        if not known.rotated:
            known.rotated = True
            known.until = self.clock() + self.rules().refresh_grace
        return known.consent

    def _tokens(self, consent: Consent) -> dict[str, Any]:
        rules, now = self.rules(), self.clock()
        until = now + rules.access_life
        access = self._jwt(consent, now, until)
        self._access[access] = (consent, until)
        answer: dict[str, Any] = {
            "access_token": access,
            "expires_in": int(rules.access_life.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(sorted(consent.scopes)),
        }
        if "offline_access" in consent.scopes:
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self._refresh[answer["refresh_token"]] = _Refresh(consent, now + rules.refresh_life)
        return answer

    def _jwt(self, consent: Consent, now: dt.datetime, until: dt.datetime) -> str:
        claims = {
            "nbf": int(now.timestamp()),
            "exp": int(until.timestamp()),
            "iss": "https://identity.xero.com",
            "aud": "https://identity.xero.com/resources",
            "client_id": self.rules().client_id,
            "sub": hashlib.sha256(consent.user.encode()).hexdigest()[:32],
            "jti": secrets.token_hex(16),
            "authentication_event_id": consent.event_id,
            "scope": sorted(consent.scopes),
        }
        parts = (json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims))
        head = ".".join(_base64url(part.encode()) for part in parts)
        return f"{head}.{secrets.token_urlsafe(32)}"


def new_guid(chance: random.Random) -> str:
    """A GUID that follows from the seed."""
    digits = f"{chance.getrandbits(128):032x}"
    parts = (digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:])
    return "-".join(parts)


def _registered(address: str, rules: XeroRules) -> bool:
    """Exact matches only; http only for `localhost`, which 127.0.0.1 is not."""
    if rules.redirect_uris:
        return address in rules.redirect_uris
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _challenge(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
