"""How many requests a client may make, with Redis and without."""

import os
from pathlib import Path

import pytest
import redis
import sqlalchemy
from sqlalchemy.orm import sessionmaker

from api.errors import ApiError
from api.throttle import TRY_AGAIN_SECONDS, Throttle
from models.crypto import KeyRing
from models.unit_of_work import begin_with
from sync import access
from tests.api.conftest import Serve
from tests.api.world import VERSION, World


@pytest.fixture
def shared(redis_url: str) -> str:
    """A Redis where nobody has asked for anything yet."""
    with redis.Redis.from_url(redis_url.replace("redis+socket", "unix")) as client:
        client.flushdb()
    return redis_url


def used_up(throttle: Throttle, client: str, tries: int) -> int:
    """How many of some requests were let through."""
    passed = 0
    for _ in range(tries):
        try:
            throttle.count(client)
        except ApiError:
            continue
        passed += 1
    return passed


def test_what_is_left_is_told_with_every_answer(world: World) -> None:
    with world.client() as client:
        answer = client.get("/accounting_connections")

    assert answer.headers["ratelimit-limit"] == "100000"
    assert int(answer.headers["ratelimit-remaining"]) < 100_000
    assert answer.headers["ratelimit-reset"] == "1"
    assert answer.headers["x-ratelimit-limit-second"] == "100000"
    assert answer.headers["x-ratelimit-remaining-second"]


def test_errors_tell_it_too(world: World) -> None:
    with world.client() as client:
        answer = client.get("/accounting_connections/1")

    assert answer.status_code == 422
    assert answer.headers["ratelimit-limit"] == "100000"


def test_above_the_limit_the_answer_is_429(shared: str) -> None:
    throttle = Throttle(3, lambda: shared)
    for _ in range(3):
        throttle.count("greedy")

    with pytest.raises(ApiError) as refused:
        throttle.count("greedy")
    others = throttle.count("modest")
    throttle.close()

    assert (refused.value.status, refused.value.kind) == (429, "rate_limited")
    assert refused.value.headers["Retry-After"] == "1"
    assert refused.value.headers["RateLimit-Remaining"] == "0"
    assert others["RateLimit-Remaining"] == "2"


def test_processes_count_together(shared: str) -> None:
    one, two = Throttle(20, lambda: shared), Throttle(20, lambda: shared)

    passed = used_up(one, "client", 15) + used_up(two, "client", 15)
    one.close()
    two.close()

    # A second may end in between; two that count apart would let all 30 through every time.
    assert passed < 30


def test_without_redis_each_process_counts_and_nothing_fails(tmp_path: Path) -> None:
    throttle = Throttle(2, lambda: f"redis+socket://{tmp_path}/none.sock")

    assert throttle.count("client")["RateLimit-Limit"] == "2"
    assert used_up(throttle, "client", 100) < 100
    throttle.close()


def test_redis_is_asked_again_after_a_while(shared: str, tmp_path: Path) -> None:
    asked: list[str] = []
    now = [0.0]
    urls = iter([f"redis+socket://{tmp_path}/none.sock"])

    def url() -> str:
        asked.append("asked")
        if next(urls, None):
            raise redis.ConnectionError("away")
        return shared

    throttle = Throttle(5, url, clock=lambda: now[0])
    for _ in range(3):
        throttle.count("client")
    assert len(asked) == 1
    now[0] += TRY_AGAIN_SECONDS
    throttle.count("client")
    throttle.close()

    assert len(asked) == 2


def test_a_server_without_redis_answers(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, database: sqlalchemy.Engine, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", f"redis+socket://{tmp_path}/none.sock")
    monkeypatch.setenv("LEDGERBRIDGE_API_REQUESTS_PER_SECOND", "2")
    begin = begin_with(sessionmaker(database, expire_on_commit=False))
    with begin() as work:
        organisation = work.tenants.organisation("Acme")
        entity = work.tenants.add_entity(organisation, code="FR", legal_name="Acme SARL")
        made = access.add_client(work, organisation_id=organisation, actor="test")
    assert entity is not None
    keys = KeyRing([os.environ["LEDGERBRIDGE_CREDENTIALS_KEYS"]])
    token = access.issue_token(begin, keys, str(made.row.id), made.secret)
    headers = {
        "Authorization": f"Bearer {token}",
        "x-monite-version": VERSION,
        "x-monite-entity-id": str(entity.id),
    }
    with serve() as client:
        answers = [client.get("/v1/accounting_connections", headers=headers) for _ in range(12)]

    assert answers[0].status_code == 200
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert {answer.status_code for answer in refused} == {429}
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].headers["ratelimit-limit"] == "2"
    assert refused[0].json()["error"]["type"] == "rate_limited"
