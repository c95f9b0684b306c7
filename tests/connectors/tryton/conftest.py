"""One real Tryton for the whole run; tests make data of their own instead of clearing it."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.base import CallScope
from demo.ledger import Books, TrytonLedger
from tests.connectors.tryton.bench import YEAR, Bench, TrytonProxy


@pytest.fixture(scope="session")
def ledger() -> Iterator[TrytonLedger]:
    """A server on a copy of the prepared books; a closed month in last year."""
    books = Books(
        years=(YEAR - 2, YEAR - 1, YEAR, YEAR + 1),
        closed=(f"{YEAR - 2}-01",),
    )
    with TrytonLedger.running(books) as running:
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
