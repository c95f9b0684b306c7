"""Who gets in: tokens, versions, headers, and the bodies of what is refused."""

import time
from uuid import UUID

import httpx
import pytest

from sync import access
from sync.errors import UnauthenticatedError
from tests.api.world import VERSION, World


def asks(world: World, **body: str) -> httpx.Response:
    """A request for a token."""
    return httpx.post(
        f"{world.url}/v1/auth/token",
        json={"grant_type": "client_credentials", **body},
        headers={"x-monite-version": VERSION},
    )


def test_a_client_id_and_secret_give_a_token_that_works(world: World) -> None:
    client_id, secret = world.credential()

    answer = asks(world, client_id=client_id, client_secret=secret)

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 1800
    token = answer.json()["access_token"]
    caller = access.authenticate(world.runtime.begin, world.runtime.keys, token)
    assert str(caller.client_id) == client_id


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("nobody", "x"), ("00000000-0000-7000-8000-000000000000", "x"), ("", "")],
)
def test_an_unknown_client_is_refused(world: World, client_id: str, secret: str) -> None:
    answer = asks(world, client_id=client_id, client_secret=secret)

    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "the client id or secret is not known"


def test_a_wrong_secret_is_refused(world: World) -> None:
    client_id, secret = world.credential()

    assert asks(world, client_id=client_id, client_secret=secret[:-1]).status_code == 401


def test_a_revoked_client_loses_its_tokens_too(world: World) -> None:
    credential = world.credential()
    token = world.token(credential)
    with world.runtime.begin() as work:
        access.revoke_client(work, UUID(credential[0]), actor="test")

    with pytest.raises(UnauthenticatedError, match="revoked"):
        access.authenticate(world.runtime.begin, world.runtime.keys, token)
    assert asks(world, client_id=credential[0], client_secret=credential[1]).status_code == 401


def test_a_token_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.token(world.credential())
    later = time.time() + access.TOKEN_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(UnauthenticatedError, match="expired"):
        access.authenticate(world.runtime.begin, world.runtime.keys, token)


def test_the_stored_credentials_of_a_ledger_are_no_token(world: World) -> None:
    sealed = world.runtime.keys.seal({"api_key": "x"}).decode()

    with pytest.raises(UnauthenticatedError):
        access.authenticate(world.runtime.begin, world.runtime.keys, sealed)


@pytest.mark.parametrize(
    ("version", "status"),
    [(None, 400), ("2024-05-25", 401), ("2030-01-01", 401), ("2020-01-01", 404), ("new", 422)],
)
def test_the_version_is_routed_by_its_date(world: World, version: str | None, status: int) -> None:
    headers = {"x-monite-version": version} if version else {}
    body = {"client_id": "x", "client_secret": "x", "grant_type": "client_credentials"}

    answer = httpx.post(f"{world.url}/v1/auth/token", json=body, headers=headers)

    assert answer.status_code == status
    if version is None:
        assert answer.json()["error"]["type"] == "missing_api_version"
    if version == "2030-01-01":
        assert answer.headers["x-monite-version"] == "2024-05-25"


def test_every_answer_can_be_quoted(world: World) -> None:
    answer = httpx.get(f"{world.url}/v1/nothing", headers={"x-monite-entity-id": "as sent"})

    assert answer.status_code == 404
    assert answer.json()["error"]["message"]
    assert len(answer.headers["x-request-id"]) == 32
    assert float(answer.headers["x-process-time"]) < 10
    assert answer.headers["x-monite-entity-id"] == "as sent"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World) -> None:
    answer = httpx.post(
        f"{world.url}/v1/auth/token",
        content=b" " * (17 * 1024 * 1024),
        headers={"x-monite-version": VERSION, "content-type": "application/json"},
    )

    assert answer.status_code == 413
    assert "bytes" in answer.json()["error"]["message"]
