"""Access tokens on the wire: renewed once when the provider refuses one, and never shown."""

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from connectors.base import CallScope
from connectors.errors import AuthorizationLost, ConnectorError, RateLimited, TokenRefused
from connectors.http import Http, error_in

OLD, NEW = "old-token", "new-token"


class Provider:
    """Accepts one token."""

    def __init__(self, accepts: str = NEW) -> None:
        self.accepts = accepts
        self.requests: list[httpx.Request] = []
        self.renewals: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        given = request.headers["authorization"]
        if given == f"Bearer {self.accepts}":
            return httpx.Response(200, json={})
        return httpx.Response(401, text=f"not with {given}")

    def renewed(self, refused: SecretStr) -> SecretStr:
        self.renewals.append(refused.get_secret_value())
        return SecretStr(NEW)

    def http(
        self,
        classify: Callable[[httpx.Response, bool], ConnectorError | None] = error_in,
        renew: Callable[[SecretStr], SecretStr] | None = None,
    ) -> Http:
        return Http(
            httpx.Client(transport=httpx.MockTransport(self.answer)),
            "http://ledger.test",
            CallScope("test"),
            classify=classify,
            bearer=SecretStr(OLD),
            renew=renew or self.renewed,
        )


@pytest.mark.parametrize("method", ["read", "write"])
def test_a_refused_token_is_renewed_and_the_same_request_sent_again(method: str) -> None:
    provider = Provider()

    getattr(provider.http(), method)("POST", "/x", json={"a": 1}, headers={"X-A": "b"})

    first, second = provider.requests
    assert (first.content, first.headers["x-a"]) == (second.content, second.headers["x-a"])
    assert second.headers["authorization"] == f"Bearer {NEW}"
    assert provider.renewals == [OLD]


def test_later_requests_go_out_with_the_new_token() -> None:
    provider = Provider()
    http = provider.http()
    http.read("GET", "/x")

    http.write("POST", "/x")

    assert len(provider.requests) == 3
    assert provider.renewals == [OLD]


@pytest.mark.parametrize("method", ["read", "write"])
def test_a_second_refusal_is_the_end(method: str) -> None:
    provider = Provider(accepts="neither")

    with pytest.raises(AuthorizationLost) as caught:
        getattr(provider.http(), method)("POST", "/x")

    assert len(provider.requests) == 2
    assert NEW not in str(caught.value)
    assert OLD not in str(caught.value)


def test_without_a_way_to_renew_the_first_refusal_is_the_end() -> None:
    provider = Provider()
    http = Http(
        httpx.Client(transport=httpx.MockTransport(provider.answer)),
        "http://ledger.test",
        CallScope("test"),
        bearer=SecretStr(OLD),
    )

    with pytest.raises(TokenRefused):
        http.read("GET", "/x")

    assert len(provider.requests) == 1


def test_when_there_is_no_other_token_the_request_is_not_repeated() -> None:
    provider = Provider()

    with pytest.raises(TokenRefused):
        provider.http(renew=lambda refused: refused).write("POST", "/x")

    assert len(provider.requests) == 1


def test_a_renewal_that_must_wait_says_so_instead_of_the_refusal() -> None:
    def wait(_: SecretStr) -> SecretStr:
        raise RateLimited("not yet")

    provider = Provider()

    with pytest.raises(RateLimited, match="not yet"):
        provider.http(renew=wait).write("POST", "/x")

    assert len(provider.requests) == 1


def test_a_401_that_is_not_about_the_token_renews_nothing() -> None:
    def subscription(response: httpx.Response, wrote: bool) -> ConnectorError | None:
        del response, wrote
        return AuthorizationLost("the subscription key is not valid")

    provider = Provider()

    with pytest.raises(AuthorizationLost, match="subscription"):
        provider.http(subscription).read("GET", "/x")

    assert (len(provider.requests), provider.renewals) == (1, [])
