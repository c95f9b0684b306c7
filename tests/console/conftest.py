"""A world with people who sign in, and browsers without a script."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from api.console.limits import PREFIX
from tests.api.conftest import _environment, ledger, serve, world
from tests.api.world import World
from tests.console.browser import Browser, People
from worker.embedded import redis_client

__all__ = ["_environment", "ledger", "serve", "world"]


@pytest.fixture(autouse=True)
def _nobody_tried_before(redis_url: str) -> None:
    """Tries of other tests do not count."""
    with redis_client(redis_url) as client:
        for key in client.scan_iter(f"{PREFIX}*"):
            client.delete(key)


@pytest.fixture
def people(world: World) -> Iterator[People]:
    """Makes people and gives each a browser of their own."""
    with ExitStack() as open_browsers:
        yield People(world, open_browsers, uuid4().hex[:6])


@pytest.fixture
def ana(people: People) -> Browser:
    """A bookkeeper of Acme, signed in."""
    return people.signed_in("ana", "bookkeeper")
