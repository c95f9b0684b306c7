"""One real Tryton for the whole run; tests make data of their own instead of clearing it."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.base import CallScope
from demo.ledger import TrytonLedger
from tests.connectors.tryton.bench import BOOKS, Bench, TrytonProxy


@pytest.fixture(scope="session")
def ledger() -> Iterator[TrytonLedger]:
    """A server on a copy of the prepared books; a closed month in last year."""
    with TrytonLedger.running(BOOKS) as running:
        yield running


@pytest.fixture(scope="session")
def _bench(ledger: TrytonLedger) -> Iterator[Bench]:
    proxy = TrytonProxy(ledger.url)
    with proxy.running() as url, httpx.Client() as http:
        yield Bench(ledger, proxy, url, http)


@pytest.fixture
def bench(_bench: Bench) -> Iterator[Bench]:
    """The ledger behind a proxy without faults, and no calls counted yet."""
    _bench.scope = CallScope("test")
    yield _bench
    _bench.proxy.faults.clear()
    _bench.proxy.hold = None
