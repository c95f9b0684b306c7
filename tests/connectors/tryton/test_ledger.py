"""The real ledger itself: it starts on prepared books and never outlives whoever started it."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from demo.ledger import ROOT, LedgerError, TrytonLedger
from tests.connectors.tryton.bench import DAY, YEAR


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        httpx.post(f"{url}/rpc/", json={"method": "common.server.version", "params": []})
    except httpx.TransportError:
        return False
    return True


class TestTheServer:
    def test_it_ends_with_the_process_that_started_it(
        self, ledger: TrytonLedger, tmp_path: Path
    ) -> None:
        code = (
            "import sys, time; from pathlib import Path; from demo.ledger import *\n"
            f"ledger = TrytonLedger({ledger.books!r}, directory=Path({str(tmp_path)!r}))\n"
            "ledger.start(); print(ledger.url, flush=True); time.sleep(60)"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)

        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()

        patience = time.monotonic() + 10
        while answers(url):
            assert time.monotonic() < patience, "the server is still there"
            time.sleep(0.05)

    def test_kept_books_are_there_again_after_a_restart(
        self, ledger: TrytonLedger, tmp_path: Path
    ) -> None:
        with TrytonLedger.running(ledger.books, directory=tmp_path) as first:
            party = first.enter_party("Kept")
        with TrytonLedger.running(ledger.books, directory=tmp_path) as again:
            (row,) = again.find("party.party", [["id", "=", party]], "name")

        assert row["name"] == "Kept"
        assert (tmp_path / "tryton.log").stat().st_size > 0

    def test_port_that_is_taken_is_said_with_the_servers_own_words(
        self, ledger: TrytonLedger, tmp_path: Path
    ) -> None:
        second = TrytonLedger(ledger.books, directory=tmp_path)

        with pytest.raises(LedgerError, match="in use"):
            second.start(ledger.port)


class TestPeople:
    """What somebody does in the ledger, and what a judge sees of it."""

    def test_bill_and_its_payment_in_part(self, ledger: TrytonLedger) -> None:
        supplier = ledger.enter_party("By hand")
        bill = ledger.enter_bill(supplier=supplier, reference="HAND-1", date=DAY, net=Decimal(100))

        ledger.pay(bill, amount=Decimal(20))

        (row,) = ledger.invoices(["id", "=", bill])
        assert (row.state, row.reference, row.total, row.to_pay) == (
            "posted",
            "HAND-1",
            Decimal(120),
            Decimal(100),
        )
        assert row.marker is None
        ledger.pay(bill)
        (row,) = ledger.invoices(["id", "=", bill])
        assert (row.state, row.to_pay) == ("paid", Decimal(0))

    def test_closed_period_takes_nothing_until_it_is_opened_again(
        self, ledger: TrytonLedger
    ) -> None:
        name, day = f"{YEAR - 2}-03", dt.date(YEAR - 2, 3, 9)
        supplier = ledger.enter_party("By hand")
        ledger.close_period(name)
        try:
            with pytest.raises(LedgerError, match="period"):
                ledger.enter_bill(supplier=supplier, reference="X", date=day, net=Decimal(1))
        finally:
            ledger.reopen_period(name)

        ledger.enter_bill(supplier=supplier, reference="Y", date=day, net=Decimal(1))

    def test_refusal_has_trytons_own_sentence(self, ledger: TrytonLedger) -> None:
        with pytest.raises(LedgerError, match="don't exist"):
            ledger.rpc("model.account.invoice.read", [10**9], ["number"])

        with pytest.raises(LedgerError, match="0 records"):
            ledger.account("000")
