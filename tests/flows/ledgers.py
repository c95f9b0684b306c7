"""The ledgers that workers are killed in front of, each judged by its own words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import FaultProxy, Request
from demo.ledger import BANK_ACCOUNT, PURCHASE_ACCOUNT, SALES_ACCOUNT, TrytonLedger
from models.canonical import ObjectType
from tests.connectors.tryton.bench import TrytonProxy
from tests.factories import SETTINGS


class Ledger(Protocol):
    """A ledger behind a proxy."""

    provider: str

    @property
    def proxy(self) -> FaultProxy:
        """What stands between the workers and the ledger."""
        ...

    @property
    def address(self) -> str:
        """Where the workers find it."""
        ...

    @property
    def credentials(self) -> dict[str, Any]:
        """What a connection needs to get in."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What a connection must be told."""
        ...

    def writes(self, request: Request, step: str) -> bool:
        """Whether a request is the step of writing invoices: `create` or `post`."""
        ...

    def has(self, numbers: Sequence[str], markers: Sequence[str]) -> None:
        """Fail unless the ledger holds each of our invoices once, posted."""

    def holds_nothing_of(self, numbers: Sequence[str]) -> bool:
        """Whether none of them is there."""
        ...


@dataclass
class Plain:
    """A ledger that forgets keys at once and posts in two steps: the hardest kind."""

    ledger: PlainLedger
    proxy: FaultProxy
    address: str
    provider = "memory"
    settings = SETTINGS

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Plain"]:
        """Serve one."""
        ledger = PlainLedger(LedgerRules(two_steps=True))
        with ledger.running() as url:
            proxy = FaultProxy(url)
            with proxy.running() as address:
                yield cls(ledger, proxy, address)

    @property
    def credentials(self) -> dict[str, Any]:
        """Its key."""
        return {"api_key": self.ledger.rules.api_key}

    def writes(self, request: Request, step: str) -> bool:
        """By the path."""
        path = {"create": "/invoices", "post": "/invoices/post"}[step]
        return request.method == "POST" and request.path == path

    def has(self, numbers: Sequence[str], markers: Sequence[str]) -> None:
        """By its books."""
        assert self.ledger.twice() == []
        there = self.ledger.documents(ObjectType.INVOICE)
        assert [entry.status for entry in there] == ["open"] * len(numbers)
        assert sorted(entry.marker or "" for entry in there) == sorted(markers)

    def holds_nothing_of(self, numbers: Sequence[str]) -> bool:
        """By its books."""
        assert numbers
        return not self.ledger.documents(ObjectType.INVOICE)


@dataclass
class RealTryton:
    """A real accounting server, asked over its own API by a session of its own."""

    ledger: TrytonLedger
    proxy: TrytonProxy
    address: str
    provider = "tryton"

    @classmethod
    @contextmanager
    def before(cls, ledger: TrytonLedger) -> Iterator["RealTryton"]:
        """Put a proxy in front of a server that runs."""
        proxy = TrytonProxy(ledger.url)
        with proxy.running() as address:
            yield cls(ledger, proxy, address)

    @property
    def credentials(self) -> dict[str, Any]:
        """Those of a bookkeeper."""
        return {"login": self.ledger.login, "password": self.ledger.password}

    @property
    def settings(self) -> dict[str, Any]:
        """Its books and accounts."""
        return {
            "database": self.ledger.database,
            "default_sales_account": SALES_ACCOUNT,
            "default_purchase_account": PURCHASE_ACCOUNT,
            "payment_account": BANK_ACCOUNT,
        }

    def writes(self, request: Request, step: str) -> bool:
        """By the method in the body."""
        return f'"model.account.invoice.{step}"'.encode() in request.body

    def has(self, numbers: Sequence[str], markers: Sequence[str]) -> None:
        """By its own API; posted invoices have their movement, once."""
        there = self.ledger.invoices(["reference", "in", list(numbers)])
        assert sorted(row.reference or "" for row in there) == sorted(numbers)
        assert {row.state for row in there} == {"posted"}
        assert sorted(row.marker or "" for row in there) == sorted(markers)
        origins = [f"account.invoice,{row.id}" for row in there]
        moves = self.ledger.moves(["origin", "in", origins])
        assert sorted(move.origin or "" for move in moves) == sorted(origins)
        assert {move.state for move in moves} == {"posted"}

    def holds_nothing_of(self, numbers: Sequence[str]) -> bool:
        """By its own API."""
        return not self.ledger.invoices(["reference", "in", list(numbers)])
