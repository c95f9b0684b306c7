"""What all state machines share: moves, steps that come later, who belongs to whom."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.softwareone.simulated import charging
from connectors.softwareone.simulated.parties import Parties
from connectors.softwareone.simulated.store import Books, Json, Record, Ref
from connectors.softwareone.simulated.traits import Traits

PLATFORM: Ref = {"id": "USR-0000-0000", "name": "Platform"}
_FINAL = frozenset({"Issued", "Cancelled"})


class WrongState(Exception):  # noqa: N818  # what somebody is told
    """The state of a record does not allow that."""


class Steps:
    """The books, and what moves in them."""

    def __init__(self, books: Books, parties: Parties, traits: Callable[[], Traits]) -> None:
        self.books = books
        self.parties = parties
        self._traits = traits

    def _must_be(self, record: Record, *states: str) -> None:
        if record.status not in states:
            raise WrongState(f"{record.id} is {record.status}, not {' or '.join(states)}")

    def _later(self, record: Record, state: str, take: Callable[[], None]) -> None:
        """Take a step after a while, if the record is in the same state still."""

        def step() -> None:
            if record.id in self.books.records and record.status == state:
                take()

        self.books.later(self._traits().steps_take, step)

    def _move(self, record: Record, status: str, by: Ref = PLATFORM, **more: Any) -> None:
        self.books.touch(record, by, status=status, **more)

    def failure(self, message: str) -> Json:
        """A journal's `error`, in the shape of the moment."""
        shape = self._traits().journal_error
        if shape == "errorCode":
            return {"errorCode": "BIL001", "errorMessage": message}
        return {shape: "BIL001", "message": message}

    def _totals(self, charges: Sequence[Json]) -> Json:
        cost = charging.total_of(charges, "PPx1")
        sold = charging.total_of(charges, "SPx1")
        return {
            "currency": charges[0]["price"]["currency"],
            "totalPP": cost,
            "totalSP": sold,
            "markup": charging.MARKUP * 100,
            "margin": sold - cost,
        }

    def ledgers_of(self, journal: Record) -> list[Record]:
        """The ledgers that were made of a journal."""
        return [
            one
            for one in self.books.of_kind("ledgers")
            if (one.body.get("journal") or {}).get("id") == journal.id
        ]

    def _journal_of(self, ledger: Record) -> Record | None:
        return self.books.records.get(str((ledger.body.get("journal") or {}).get("id")))

    def statements_of(self, ledger: Record) -> list[Record]:
        """The statements that a ledger yielded."""
        return [
            one
            for one in self.books.of_kind("statements")
            if ledger.id
            in {(one.body.get(of) or {}).get("id") for of in ("ledger", "customLedger")}
        ]

    def _complete(self, ledger: Record) -> None:
        states = {one.status for one in self.statements_of(ledger)}
        if ledger.status != "Queued" or not _FINAL.issuperset(states):
            return
        self._move(ledger, "Completed")
        journal = self._journal_of(ledger)
        if journal and all(one.status == "Completed" for one in self.ledgers_of(journal)):
            self._move(journal, "Completed")
