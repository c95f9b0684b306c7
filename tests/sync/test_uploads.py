"""Handing files in: a vendor's usage gets there once, whoever dies in between."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy
from cryptography.fernet import Fernet

from connectors.base import Role
from connectors.errors import Rejected
from connectors.faults import Fault
from connectors.softwareone import SPEC
from connectors.softwareone.progress import Progress
from connectors.softwareone.simulator import Marketplace
from connectors.softwareone.usage import Usage
from models.crypto import KeyRing
from models.repositories.uploads import Uploads
from models.tables import UploadRow, UploadStatus
from models.unit_of_work import Begin
from sync import connections, uploads
from sync.connections import NewConnection
from sync.engine import Engine, NoHints
from sync.errors import InvalidInputError, NotAllowedError
from sync.opener import Opener
from tests.factories import QUICK

KEY = "2026-10"


@dataclass
class Vendor:
    """A vendor's account on a Marketplace, connected to a billing entity."""

    database: sqlalchemy.Engine
    begin: Begin
    marketplace: Marketplace
    engine: Engine
    connection_id: UUID
    folder: Path

    def file(self, *numbers: int, **changes: Any) -> Path:
        """A file of charges."""
        path = self.folder / "usage.jsonl"
        lines = [json.dumps(self.charge(number) | changes) for number in numbers]
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def charge(self, number: int) -> dict[str, Any]:
        known = self.marketplace.known
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
        }

    def sent(self, path: Path, *, key: str = KEY, **options: Any) -> UploadRow:
        """Begin to hand a file in."""
        given = {"authorization_id": self.marketplace.known.authorization} | options
        return uploads.begin(
            self.engine, self.connection_id, path, key=key, options=given, actor="test"
        )

    def worker(self, name: str = "another") -> Engine:
        """One more process."""
        return replace(self.engine, worker=name)

    def settled(self, row: UploadRow) -> UploadRow:
        """Let workers go on until it has ended."""
        for turn in range(40):
            uploads.advance_due(self.worker(f"worker {turn}"))
            now = uploads.get(self.engine, row.id)
            if now.status is not UploadStatus.OPEN:
                return now
            self.pass_time(timedelta(minutes=10))
        raise AssertionError(f"it comes to no end: {now.platform_status} {now.sentence}")

    def pass_time(self, time: timedelta) -> None:
        self.marketplace.pass_time(time)
        self.marketplace.faults.settle()
        with self.database.begin() as database:
            database.execute(
                sqlalchemy.text(
                    "UPDATE uploads SET next_step_at = next_step_at - :time, "
                    "lease_until = lease_until - :time"
                ),
                {"time": time},
            )
            database.execute(
                sqlalchemy.text("UPDATE connections SET parked_until = parked_until - :time"),
                {"time": time},
            )

    def parts(self) -> int:
        with self.database.connect() as database:
            return int(database.exec_driver_sql("SELECT count(*) FROM upload_parts").scalar_one())


@pytest.fixture
def vendor(begin: Begin, database: sqlalchemy.Engine, tmp_path: Path) -> Vendor:
    marketplace = Marketplace(steps_take=timedelta(seconds=30))
    opener = Opener(
        spec=lambda _: SPEC,
        keys=KeyRing([Fernet.generate_key().decode()]),
        http=httpx.Client(transport=marketplace.transport()),
        timeout_seconds=5,
        allowed_base_urls=("http://marketplace",),
    )
    engine = Engine(
        begin=begin,
        spec=lambda _: SPEC,
        open_connector=opener.open,
        renew=opener.renew,
        hints=NoHints(),
        timing=QUICK,
        worker="test",
        open_uploads=opener.uploads,
    )
    with begin() as work:
        entity = work.tenants.add_entity(
            work.tenants.organisation("Acme"), code="V", legal_name="Vendor"
        )
    assert entity is not None
    row = connections.add(
        engine,
        opener,
        NewConnection(
            billing_entity_id=entity.id,
            provider="softwareone",
            role=Role.SOURCE,
            credentials=marketplace.credentials("vendor"),
            settings={"account_role": "vendor", "consistency_delay_seconds": 0},
            base_url="http://marketplace",
            schedule="24h",
            start_date=None,
        ),
        actor="test",
    )
    return Vendor(database, begin, marketplace, engine, row.id, tmp_path)


def test_usage_gets_into_review_and_its_file_is_kept_no_longer(vendor: Vendor) -> None:
    row = vendor.sent(vendor.file(1, 2, 3))
    assert vendor.parts() == 1

    ended = vendor.settled(row)

    assert (ended.status, ended.platform_status) == (UploadStatus.DONE, "Review")
    (journal,) = vendor.marketplace.journals(external_id=KEY)
    assert len(vendor.marketplace.charges(journal["id"])) == 3
    assert vendor.parts() == 0


@pytest.mark.parametrize("what", ["", ".*/upload", ".*/submit"])
@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.ERROR_AFTER])
def test_a_lost_answer_makes_no_second_journal(vendor: Vendor, fault: Fault, what: str) -> None:
    path = f".*/billing/journals{what}" if not what else f".*/billing/journals/[^/]+{what[2:]}"
    vendor.marketplace.faults.arm(fault, method="POST", path=path)

    ended = vendor.settled(vendor.sent(vendor.file(1, 2)))

    assert vendor.marketplace.faults.injected.total() == 1
    assert ended.status is UploadStatus.DONE
    (journal,) = vendor.marketplace.journals(external_id=KEY)
    assert len(vendor.marketplace.charges(journal["id"])) == 2
    assert vendor.marketplace.twice() == []


def test_a_worker_that_died_is_followed_by_another(vendor: Vendor) -> None:
    row = vendor.sent(vendor.file(1, 2))

    def dies(_: object) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            uploads.advance_due(vendor.worker("dying"), told=dies)
        assert uploads.advance_due(vendor.worker()) == 0, "the lease of the dead one lasts"
        vendor.pass_time(timedelta(minutes=10))

    assert vendor.settled(row).status is UploadStatus.DONE
    assert len(vendor.marketplace.journals(external_id=KEY)) == 1


def test_a_bad_line_is_found_before_anything_is_sent(vendor: Vendor) -> None:
    path = vendor.file(1, 2)
    path.write_text(path.read_text() + "{nonsense\n")

    with pytest.raises(Rejected, match="line 3"):
        vendor.sent(path)

    assert vendor.marketplace.journals(external_id=KEY) == []
    assert vendor.parts() == 0


def test_charges_that_are_refused_are_named_and_sent_again_when_mended(vendor: Vendor) -> None:
    unknown = {"criteria": "item.id", "value": "ITM-0000-0000-0000"}
    search = vendor.charge(1)["search"] | {"item": unknown}
    refused = vendor.settled(vendor.sent(vendor.file(1, search=search)))
    assert refused.status is UploadStatus.FAILED
    assert "begin again with the same key" in (refused.sentence or "")
    assert refused.problems
    assert str(refused.problems[0]).startswith("line 1 ")

    ended = vendor.settled(vendor.sent(vendor.file(1)))

    assert ended.id == refused.id
    assert ended.status is UploadStatus.DONE
    assert len(vendor.marketplace.journals(external_id=KEY)) == 1


def test_the_same_key_is_not_handed_in_twice(vendor: Vendor) -> None:
    row = vendor.sent(vendor.file(1))
    with pytest.raises(NotAllowedError, match="is on its way"):
        vendor.sent(vendor.file(2))
    vendor.settled(row)

    with pytest.raises(NotAllowedError, match="handed in already"):
        vendor.sent(vendor.file(2))


def test_what_must_be_said_beside_the_file_is_asked_for(vendor: Vendor) -> None:
    with pytest.raises(InvalidInputError, match="authorization_id"):
        uploads.begin(
            vendor.engine, vendor.connection_id, vendor.file(1), key=KEY, options={}, actor="test"
        )


def test_a_token_that_is_refused_stops_the_connection_and_loses_nothing(vendor: Vendor) -> None:
    row = vendor.sent(vendor.file(1))
    vendor.marketplace.faults.arm(Fault.EXPIRED, method="GET", path=".*/journals.*", times=1)

    uploads.advance_due(vendor.worker())

    with vendor.begin() as work:
        connection = connections.get(work, vendor.connection_id)
    assert connection.status.value == "deauthorized"
    assert uploads.get(vendor.engine, row.id).status is UploadStatus.OPEN
    vendor.pass_time(timedelta(minutes=1))
    assert uploads.advance_due(vendor.worker()) == 0


def test_a_file_that_a_connector_fails_over_keeps_nobody_waiting(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = vendor.sent(vendor.file(1), key="first")
    second = vendor.sent(vendor.file(2), key="second")
    advance = Usage.advance

    def breaks(self: Usage, progress: Progress, path: Path) -> Progress:
        if progress.key == "first":
            raise KeyError("unforeseen")
        return advance(self, progress, path)

    monkeypatch.setattr(Usage, "advance", breaks)
    assert uploads.advance_due(vendor.worker()) == 2

    assert "KeyError" in (uploads.get(vendor.engine, first.id).sentence or "")
    assert uploads.get(vendor.engine, second.id).platform_status
    monkeypatch.undo()
    assert vendor.settled(first).status is UploadStatus.DONE


def test_what_is_on_its_way_when_its_connection_ends_has_ended_too(vendor: Vendor) -> None:
    row = vendor.sent(vendor.file(1))

    connections.disconnect(vendor.engine, vendor.connection_id, actor="test")

    ended = uploads.get(vendor.engine, row.id)
    assert ended.status is UploadStatus.FAILED
    assert "disconnected" in (ended.sentence or "")
    assert vendor.parts() == 0


def test_a_large_file_that_is_taken_over_keeps_no_other_work_waiting(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of all kinds refer to the connection while pieces of the file are written."""
    keep = Uploads.keep
    written = []

    def meanwhile(self: Uploads, upload_id: UUID, position: int, content: bytes) -> None:
        with vendor.database.begin() as database:
            database.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
            database.exec_driver_sql(
                "INSERT INTO provider_use (connection_id, month, calls, received_bytes) "
                "VALUES (%s, '2020-01-01', 1, 1)",
                (vendor.connection_id,),
            )
        written.append(position)
        keep(self, upload_id, position, content)

    monkeypatch.setattr(Uploads, "keep", meanwhile)

    vendor.sent(vendor.file(1))

    assert written == [0]
