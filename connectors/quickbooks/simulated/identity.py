"""Consent and tokens at Intuit: one token set per company, refresh tokens that change by the day.

An access token lasts an hour. A refresh usually gives the refresh token back that it was asked
with; once that is a day old it gives another one, and the previous one dies a day later.
Sources: discovery document and SDKs of Intuit, issues of their users (read 2026-11-20). PKCE is
not read: Intuit documents none.
"""

import base64
import binascii
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode

from connectors.faults import Answer, Refusal, Request
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.rules import SCOPE, QuickBooksRules

AUTHORIZE, TOKEN = "/connect/oauth2", "/oauth2/v1/tokens/bearer"
REVOKE, DISCOVERY = "/v2/oauth2/tokens/revoke", "/.well-known/openid_configuration"
_HARD = "x-include-refresh-token-hard-expires-in"


@dataclass
class Consent:
    """What somebody agreed to, for one company."""

    realm: str
    refresh_token: str
    issued: dt.datetime
    used: dt.datetime
    begun: dt.datetime
    previous: str = ""
    previous_until: dt.datetime | None = None
    ended: bool = False


@dataclass(frozen=True)
class _Code:
    realm: str
    redirect_uri: str
    until: dt.datetime


class Identity:
    """Codes, consents and tokens; use it under the simulator's lock."""

    def __init__(
        self,
        rules: Callable[[], QuickBooksRules],
        now: Callable[[], dt.datetime],
        chance: random.Random,
        realms: Callable[[], dict[str, str]],
    ) -> None:
        """`realms` gives the realm ids by the name of the company: `uk`, `us`."""
        self._rules = rules
        self._now = now
        self._chance = chance
        self._realms = realms
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[Consent, dt.datetime]] = {}
        self.consents: list[Consent] = []
        self.calls: Counter[str] = Counter()

    def _word(self, prefix: str) -> str:
        return f"{prefix}{self._chance.getrandbits(160):040x}"

    def sign_in(self, realm: str) -> Json:
        """Tokens of a new consent."""
        now = self._now()
        consent = Consent(realm, self._word("RT1-"), now, now, now)
        self.consents.append(consent)
        return self._tokens(consent)

    def withdraw(self, realm: str | None) -> None:
        """The app is disconnected, from one company or from all."""
        for consent in self.consents:
            if realm in {None, consent.realm}:
                consent.ended = True

    def expire(self) -> None:
        """All access tokens end now."""
        self._access.clear()

    def realm_of(self, token: str) -> str | None:
        """Which company an access token opens; None when it opens none (any more)."""
        consent, until = self._access.get(token, (None, self._now()))
        if consent is None or consent.ended or self._now() >= until:
            return None
        return consent.realm

    def authorize(self, request: Request) -> Answer:
        """Send the browser back with a code and the company, or with a refusal."""
        query, rules = request.query, self._rules()
        if query.get("client_id") != rules.client_id or not query.get("redirect_uri"):
            raise Refusal(400, {"error": "invalid_request"})
        given = {"state": query.get("state", "")}
        asked = query.get("scope", "").split()
        if query.get("response_type") != "code" or SCOPE not in asked or not given["state"]:
            given["error"] = "invalid_scope" if SCOPE not in asked else "invalid_request"
        elif not rules.consents:
            given["error"] = "access_denied"
        else:
            realm = self._realms()[rules.consents_to]
            given |= {"code": self._word("AB1"), "realmId": realm}
            until = self._now() + rules.code_life
            self._codes[given["code"]] = _Code(realm, query["redirect_uri"], until)
        return Answer(302, b"", {"location": f"{query['redirect_uri']}?{urlencode(given)}"})

    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        try:
            self._require_client(request)
            consent = self._granted(form)
        except Refusal as refusal:
            self.calls[refusal.answer.body["error"]] += 1
            raise
        self.calls[form["grant_type"]] += 1
        said = self._tokens(consent)
        if request.headers.get(_HARD) == "true":
            ends = consent.begun + self._rules().refresh_hard_life
            left = int((ends - self._now()).total_seconds())
            said["x_refresh_token_hard_expires_in"] = left
        return Answer(200, said, {"cache-control": "no-store"})

    def _granted(self, form: dict[str, str]) -> Consent:
        if form.get("grant_type") == "authorization_code":
            return self._exchanged(form)
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""))
        raise Refusal(400, {"error": "unsupported_grant_type"})

    def _exchanged(self, form: dict[str, str]) -> Consent:
        code = self._codes.pop(form.get("code", ""), None)
        good = code and code.redirect_uri == form.get("redirect_uri") and self._now() < code.until
        if code is None or not good:
            raise _not_good("Invalid authorization code")
        now = self._now()
        consent = Consent(code.realm, self._word("RT1-"), now, now, now)
        self.consents.append(consent)
        return consent

    def _refreshed(self, word: str) -> Consent:
        now, rules = self._now(), self._rules()
        for consent in self.consents:
            older = word == consent.previous and consent.previous_until is not None
            if not word or (word != consent.refresh_token and not older):
                continue
            dead = consent.previous_until is not None and older and now >= consent.previous_until
            idle = now >= consent.used + rules.refresh_life
            if dead or idle or consent.ended or now >= consent.begun + rules.refresh_hard_life:
                break
            consent.used = now
            if not older and now >= consent.issued + rules.rotates_after:
                consent.previous, consent.previous_until = word, now + rules.refresh_grace
                consent.refresh_token, consent.issued = self._word("RT1-"), now
            return consent
        raise _not_good("Incorrect or invalid refresh token")

    def _tokens(self, consent: Consent) -> Json:
        rules, now = self._rules(), self._now()
        word = self._word("eyJ")
        self._access[word] = (consent, now + rules.access_life)
        return {
            "token_type": "bearer",
            "access_token": word,
            "expires_in": int(rules.access_life.total_seconds()),
            "refresh_token": consent.refresh_token,
            "x_refresh_token_expires_in": int(rules.refresh_life.total_seconds()),
        }

    def revoke(self, request: Request) -> Answer:
        """End a consent by any of its tokens."""
        self._require_client(request)
        try:
            word = json.loads(request.body)["token"]
        except (ValueError, KeyError, TypeError):
            raise Refusal(400, {"error": "invalid_request"}) from None
        held, _ = self._access.get(word, (None, None))
        for consent in self.consents:
            if consent is held or word in {consent.refresh_token, consent.previous}:
                consent.ended = True
                return Answer(200, b"")
        raise Refusal(400, {"error": "invalid_request"})

    def _require_client(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        name, _, secret = (unquote(part) for part in pair.partition(":"))
        rules = self._rules()
        if scheme.lower() != "basic" or (name, secret) != (rules.client_id, rules.client_secret):
            raise Refusal(401, {"error": "invalid_client"})


def discovery(base_url: str) -> Json:
    """Where everything is."""
    return {
        "issuer": "https://oauth.platform.intuit.com/op/v1",
        "authorization_endpoint": f"{base_url}{AUTHORIZE}",
        "token_endpoint": f"{base_url}{TOKEN}",
        "revocation_endpoint": f"{base_url}{REVOKE}",
    }


def _not_good(text: str) -> Refusal:
    return Refusal(400, {"error": "invalid_grant", "error_description": text})
