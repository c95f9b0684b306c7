"""Handing usage in on a whole Marketplace: lost answers, late validation, people in between."""

import contextlib
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import RateLimited, Transient
from connectors.faults import Fault
from connectors.softwareone.collections import Billing
from connectors.softwareone.progress import Progress, Step
from tests.connectors.softwareone.bench import MarketplaceBench

KEY = "ledgerbridge/2026-10"


@pytest.fixture
def bench() -> MarketplaceBench:
    return MarketplaceBench("vendor", steps_take=dt.timedelta(seconds=30))


def charge(bench: MarketplaceBench, number: int, **changes: Any) -> dict[str, Any]:
    known = bench.marketplace.known
    return {
        "externalIds": {"vendor": f"E-{number}", "invoice": "V-1"},
        "search": {
            "source": {"type": "Subscription", "criteria": "id", "value": known.subscription},
            "item": {"criteria": "item.id", "value": known.item},
        },
        "period": {"start": "2026-10-01", "end": "2026-10-31"},
        "quantity": 2,
        "price": {"unitPP": 10.25, "PPx1": 20.5},
        "segment": "COM",
        "description": {"value1": f"Usage {number}"},
    } | changes


def written(folder: Path, *charges: dict[str, Any]) -> Path:
    path = folder / "usage.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in charges))
    return path


def begun(bench: MarketplaceBench, path: Path) -> Progress:
    known = bench.marketplace.known
    return bench.usage().begin(
        path, key=KEY, authorization_id=known.authorization, name="October 2026"
    )


def through(bench: MarketplaceBench, path: Path, *, dies: bool = False) -> Progress:
    """To the end, as a worker does it: what is kept is JSON, errors are tried again later.

    `dies`: every process that meets a fault is gone, and the next one has what was kept.
    """
    progress, usage = begun(bench, path), bench.usage()
    for _ in range(60):
        if progress.finished:
            return progress
        kept, faults = progress, bench.faults.injected.total()
        with contextlib.suppress(Transient):
            progress = usage.advance(progress, path)
        if dies and bench.faults.injected.total() > faults:
            progress, usage = kept, bench.usage()
        progress = Progress.model_validate_json(json.dumps(progress.model_dump(mode="json")))
        bench.marketplace.pass_time(dt.timedelta(seconds=progress.wait_seconds))
        bench.faults.settle()
        usage = bench.usage() if progress.wait_seconds else usage
    raise AssertionError(f"it comes to no end: {progress}")


class TestTheWholeWay:
    def test_usage_gets_into_review_once(self, bench: MarketplaceBench, tmp_path: Path) -> None:
        path = written(tmp_path, *(charge(bench, number) for number in range(1, 6)))

        end = through(bench, path)

        (journal,) = bench.marketplace.journals(external_id=KEY)
        assert (end.step, end.journal_id) == (Step.DONE, journal["id"])
        assert journal["status"] == "Review"
        assert len(bench.marketplace.charges(journal["id"])) == 5
        assert bench.marketplace.twice() == []
        assert bench.marketplace.crashes == []

    @pytest.mark.parametrize("dies", [False, True])
    @pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.ERROR_AFTER])
    @pytest.mark.parametrize("path_end", ["journals", "upload", "submit"])
    def test_no_lost_answer_bills_anything_twice(
        self,
        bench: MarketplaceBench,
        tmp_path: Path,
        path_end: str,
        fault: Fault,
        dies: bool,
    ) -> None:
        path = written(tmp_path, charge(bench, 1), charge(bench, 2))
        bench.faults.arm(fault, method="POST", path=f".*/{path_end}")

        end = through(bench, path, dies=dies)

        assert bench.faults.injected[fault] == 1
        assert end.step is Step.DONE, end
        assert bench.marketplace.twice() == []
        assert len(bench.marketplace.journals(external_id=KEY)) == 1

    def test_a_slow_commit_is_waited_for(self, bench: MarketplaceBench, tmp_path: Path) -> None:
        path = written(tmp_path, charge(bench, 1))
        bench.faults.arm(Fault.SLOW_COMMIT, method="POST", path=".*/journals", seconds=0.01)

        end = through(bench, path)

        assert end.step is Step.DONE
        assert bench.marketplace.twice() == []

    def test_limits_and_outages_are_errors_to_come_back_from(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        path = written(tmp_path, charge(bench, 1))
        for fault in (Fault.THROTTLE, Fault.AWAY):
            bench.faults.arm(fault, method="GET", path=".*/journals.*", times=4)

        assert through(bench, path).step is Step.DONE
        bench.faults.arm(Fault.THROTTLE, method="GET", path=".*/journals", retry_after=9)
        with pytest.raises(RateLimited):
            bench.usage().advance(begun(bench, path), path)


class TestRefusals:
    def test_a_charge_for_nothing_we_sell_is_named_and_mended(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        wrong = charge(bench, 2)
        wrong["search"]["item"]["value"] = "ITM-0000-0000-0000"

        end = through(bench, written(tmp_path, charge(bench, 1), wrong, charge(bench, 3)))

        assert (end.step, end.code) == (Step.FAILED, "charges_refused")
        assert [(one.line, one.entry) for one in end.problems] == [(2, "E-2")]
        assert end.problems[0].message
        mended = written(tmp_path, *(charge(bench, number) for number in (1, 2, 3)))
        assert through(bench, mended).step is Step.DONE
        (journal,) = bench.marketplace.journals(external_id=KEY)
        assert len(bench.marketplace.charges(journal["id"])) == 3
        assert bench.marketplace.twice() == []

    def test_a_journal_that_operations_return_goes_in_again(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        path = written(tmp_path, charge(bench, 1))
        end = through(bench, path)
        bench.marketplace.enquire(str(end.journal_id), "The period is wrong")

        returned = bench.usage().advance(end, path)
        again = through(bench, written(tmp_path, charge(bench, 1, segment="GOV")))

        assert (returned.step, returned.code) == (Step.FAILED, "returned")
        assert (again.step, again.journal_id) == (Step.DONE, end.journal_id)
        assert bench.marketplace.get(str(end.journal_id))["status"] == "Review"

    def test_another_vendors_authorization_is_refused_with_its_reason(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        path = written(tmp_path, charge(bench, 1))
        known = bench.marketplace.known
        usage = bench.usage()
        progress = usage.begin(path, key=KEY, authorization_id=known.foreign_authorization)

        for _ in range(3):
            progress = usage.advance(progress, path)

        assert (progress.step, progress.code) == (Step.FAILED, "refused")
        assert bench.marketplace.journals() == []

    def test_a_journal_deleted_in_between_is_said(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        path = written(tmp_path, charge(bench, 1))
        usage, progress = bench.usage(), begun(bench, path)
        while progress.step is not Step.UPLOAD:
            progress = usage.advance(progress, path)
        bench.marketplace.delete_journal(str(progress.journal_id))

        assert usage.advance(progress, path).code == "removed_at_provider"


class TestReadingBack:
    def test_charges_come_back_as_rows_and_as_objects(
        self, bench: MarketplaceBench, tmp_path: Path
    ) -> None:
        path = written(tmp_path, *(charge(bench, number) for number in range(1, 4)))
        end = through(bench, path)
        charges = Billing(bench.client("vendor")).journals.charges(str(end.journal_id))

        assert len(list(charges.rows())) == 3
        assert {one["externalIds"]["vendor"] for one in charges.every()} == {"E-1", "E-2", "E-3"}

    @pytest.mark.parametrize("json_lines", [True, False])
    def test_charges_of_a_statement_come_whether_there_is_a_file_or_not(
        self, bench: MarketplaceBench, json_lines: bool
    ) -> None:
        bench.marketplace.change(json_lines=json_lines)
        statement = bench.marketplace.add_statement(charges=250, status="Issued")
        charges = Billing(bench.client("client")).statements.charges(statement)

        assert len({one["id"] for one in charges.records()}) == 250

    def test_attachments_go_and_come_without_showing_the_token(
        self, bench: MarketplaceBench
    ) -> None:
        invoice = bench.marketplace.add_invoice()
        attached = bench.marketplace.attach(invoice, content=b"%PDF-1.7 hello")
        attachments = Billing(bench.client("client")).invoices.attachments(invoice)

        kind = attachments.get(attached)["contentType"]
        with attachments.file(attached, kind) as streamed:
            content = b"".join(streamed.pieces())

        assert content == b"%PDF-1.7 hello"
        assert bench.marketplace.leaked == []
