"""OAuth2 on the wire: the consent page's address, the token request, and what its errors mean."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from connectors import auth
from connectors.auth import OAuthApp, OAuthTokens, TokenEndpoint
from connectors.base import CallScope, OAuthSpec
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    ConnectorError,
    ProtocolError,
    RateLimited,
    Unavailable,
)

SPEC = OAuthSpec(
    "https://id.example.com/auth?audience=x", "https://id.example.com/token", ("a", "b")
)
APP = OAuthApp(client_id="our id", client_secret=SecretStr("s:cret"))
OLD = OAuthTokens(access_token=SecretStr("A1"), refresh_token=SecretStr("R1"))
GOOD = {"access_token": "A2", "token_type": "bearer", "expires_in": 1800, "refresh_token": "R2"}


def refreshed(
    answer: httpx.Response | Exception,
    spec: OAuthSpec = SPEC,
    seen: list[httpx.Request] | None = None,
) -> OAuthTokens:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(handle))
    return auth.refresh(client, TokenEndpoint(spec, APP), OLD, scope=CallScope("test"))


class TestAuthorizeUrl:
    def test_it_asks_for_a_code_with_state_and_pkce(self) -> None:
        url = auth.authorize_url(
            TokenEndpoint(SPEC, APP),
            redirect_uri="https://us.example.com/cb",
            state="S",
            verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        )

        assert parse_qs(urlsplit(url).query) == {
            "audience": ["x"],
            "response_type": ["code"],
            "client_id": ["our id"],
            "redirect_uri": ["https://us.example.com/cb"],
            "scope": ["a b"],
            "state": ["S"],
            # The pair of verifier and challenge in RFC 7636, appendix B.
            "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
            "code_challenge_method": ["S256"],
        }

    def test_verifiers_are_long_and_never_the_same(self) -> None:
        made = {auth.new_verifier() for _ in range(50)}

        assert len(made) == 50
        assert all(43 <= len(verifier) <= 128 for verifier in made)


class TestRequest:
    def test_we_say_who_we_are_in_the_header(self) -> None:
        seen: list[httpx.Request] = []

        refreshed(httpx.Response(200, json=GOOD), seen=seen)

        encoded = base64.b64encode(b"our%20id:s%3Acret").decode()
        assert seen[0].headers["authorization"] == f"Basic {encoded}"
        assert parse_qs(seen[0].content.decode()) == {
            "grant_type": ["refresh_token"],
            "refresh_token": ["R1"],
        }
        assert str(seen[0].url) == SPEC.token_url

    def test_or_in_the_form_where_the_provider_wants_it_there(self) -> None:
        seen: list[httpx.Request] = []
        spec = OAuthSpec(SPEC.authorize_url, SPEC.token_url, secret_in_body=True)

        refreshed(httpx.Response(200, json=GOOD), spec, seen)

        assert "authorization" not in seen[0].headers
        form = parse_qs(seen[0].content.decode())
        assert (form["client_id"], form["client_secret"]) == (["our id"], ["s:cret"])


class TestAnswer:
    def test_tokens_and_their_end_are_read(self) -> None:
        tokens = refreshed(httpx.Response(200, json=GOOD))

        assert tokens.access_token.get_secret_value() == "A2"
        assert tokens.refresh_token == SecretStr("R2")
        assert tokens.expires_at is not None
        left = tokens.expires_at - datetime.now(UTC)
        assert timedelta(seconds=1750) < left <= timedelta(seconds=1800)

    def test_what_is_kept_can_be_read_again(self) -> None:
        tokens = refreshed(httpx.Response(200, json=GOOD))

        assert OAuthTokens.model_validate(tokens.plain()) == tokens

    def test_the_old_refresh_token_stays_when_no_new_one_comes(self) -> None:
        tokens = refreshed(httpx.Response(200, json={"access_token": "A2"}))

        assert tokens.refresh_token == SecretStr("R1")
        assert tokens.expires_at is None

    def test_without_a_refresh_token_a_person_must_act(self) -> None:
        bare = OAuthTokens(access_token=SecretStr("A1"))

        with pytest.raises(AuthorizationLost):
            auth.refresh(httpx.Client(), TokenEndpoint(SPEC, APP), bare, scope=CallScope("test"))

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>",
            b"[]",
            b'{"access_token": ""}',
            b'{"access_token": "A", "expires_in": -1}',
            b'{"access_token": "A", "expires_in": 1e300}',
        ],
    )
    def test_an_unreadable_answer_is_a_provider_that_is_away(self, body: bytes) -> None:
        with pytest.raises(Unavailable, match="cannot be read"):
            refreshed(httpx.Response(200, content=body))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant", "error_description": "R1 is used"}, AuthorizationLost),
        (401, {"error": "invalid_grant"}, AuthorizationLost),
        (401, {"error": "invalid_client"}, ActionRequired),
        (400, {"error": "unauthorized_client"}, ActionRequired),
        (401, "who?", ActionRequired),
        (400, {"error": "invalid_scope"}, ProtocolError),
        (404, "nothing here", ProtocolError),
        (302, "", ProtocolError),
        (429, "slowly", RateLimited),
        (500, "oh", Unavailable),
        (503, "later", Unavailable),
    ],
)
def test_what_an_error_means(status: int, body: Any, kind: type[ConnectorError]) -> None:
    content = {"json": body} if isinstance(body, dict) else {"text": body}

    with pytest.raises(kind) as caught:
        refreshed(httpx.Response(status, **content))

    assert type(caught.value) is kind
    assert "R1" not in str(caught.value)


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x")])
def test_silence_is_a_provider_that_is_away_and_is_not_asked_twice(error: Exception) -> None:
    seen: list[httpx.Request] = []

    with pytest.raises(Unavailable):
        refreshed(error, seen=seen)

    assert len(seen) == 1


def test_secrets_are_not_shown() -> None:
    assert "s:cret" not in repr(APP)
    assert "R1" not in repr(OLD)
    with pytest.raises(ValidationError):
        OAuthTokens.model_validate({"access_token": "A", "expires_at": "2026-01-01T00:00:00"})
