"""The guards inside the SQL: claims, fences, leases, and releases."""

from datetime import timedelta
from uuid import UUID

import pytest

from models.canonical import ObjectType
from models.repositories import Claimed, Sending, Settlement
from models.repositories.documents import body_of
from models.status import SyncStatus
from tests.factories import Bench, a_contact, a_payment, an_invoice

LEASE = timedelta(seconds=60)


def claim(bench: Bench, *, worker: str = "one", uncertain: bool = False) -> list[Claimed]:
    with bench.begin() as work:
        return work.records.claim(
            bench.connection_id,
            ObjectType.CONTACT,
            worker=worker,
            lease=LEASE,
            limit=10,
            uncertain=uncertain,
        )


def start(bench: Bench, record: Claimed) -> dict[UUID, UUID]:
    body = body_of(record.document)
    sending = Sending(record.id, record.fence, "create", "key", "hash", record.content_hash, body)
    with bench.begin() as work:
        return work.records.start_sending(
            [sending], run_id=None, trigger="manual", correlation_id="c", lease=LEASE
        )


def settle(bench: Bench, record: Claimed, status: SyncStatus, **fields: object) -> set[UUID]:
    with bench.begin() as work:
        return work.records.settle(
            bench.connection_id,
            record.type,
            [Settlement(record.id, record.fence, status, **fields)],  # type: ignore[arg-type]
        )


class TestClaim:
    def test_a_claimed_record_is_nobody_elses(self, bench: Bench) -> None:
        bench.hand_in(a_contact())

        assert len(claim(bench)) == 1
        assert claim(bench, worker="two") == []

    def test_a_lease_that_ended_lets_others_claim_with_a_higher_fence(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (first,) = claim(bench)
        bench.pass_time(LEASE + timedelta(seconds=1))

        (second,) = claim(bench, worker="two")

        assert second.fence == first.fence + 1

    def test_what_is_not_due_is_not_claimed(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (record,) = claim(bench)
        settle(bench, record, SyncStatus.RETRY_WAIT, delay=timedelta(minutes=5))

        assert claim(bench) == []
        bench.pass_time(timedelta(minutes=6))
        assert len(claim(bench)) == 1

    def test_a_parked_connection_gives_nothing(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        with bench.begin() as work:
            work.connections.park(bench.connection_id, timedelta(hours=1), failure=False)

        assert claim(bench) == []

    def test_documents_of_another_billing_entity_are_never_claimed(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        with bench.begin() as work:
            other = work.tenants.add_entity(
                work.tenants.organisation("Acme"), code="BE", legal_name="Acme BV"
            )
            assert other is not None
        with bench.database.begin() as connection:
            connection.exec_driver_sql("UPDATE documents SET billing_entity_id = %s", (other.id,))

        assert claim(bench) == []

    def test_given_back_claims_are_free_at_once(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (record,) = claim(bench)
        with bench.begin() as work:
            work.records.give_back([(record.id, record.fence)])

        assert len(claim(bench)) == 1


class TestFence:
    def test_a_worker_that_lost_its_claim_does_not_get_to_send(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (slow,) = claim(bench)
        bench.pass_time(LEASE + timedelta(seconds=1))
        claim(bench, worker="two")

        assert start(bench, slow) == {}

    def test_a_worker_whose_lease_has_ended_does_not_get_to_send(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (slow,) = claim(bench)
        bench.pass_time(LEASE + timedelta(seconds=1))

        assert start(bench, slow) == {}

    @pytest.mark.parametrize(
        "late", [SyncStatus.DONE, SyncStatus.RETRY_WAIT, SyncStatus.REJECTED, SyncStatus.UNCERTAIN]
    )
    def test_a_late_answer_leaves_the_record_alone(self, bench: Bench, late: SyncStatus) -> None:
        bench.hand_in(a_contact())
        (slow,) = claim(bench)
        start(bench, slow)
        bench.pass_time(LEASE + timedelta(seconds=1))
        bench.sweep()
        (other,) = claim(bench, worker="two", uncertain=True)

        assert settle(bench, slow, late, platform_id="late") == set()

        settle(bench, other, SyncStatus.DONE, platform_id="right")
        assert bench.line("C-1").platform_object_id == "right"

    def test_progress_of_a_lost_claim_is_not_kept(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        (slow,) = claim(bench)
        start(bench, slow)
        bench.pass_time(LEASE + timedelta(seconds=1))
        bench.sweep()

        with bench.begin() as work:
            kept = work.records.save_progress(
                bench.connection_id,
                ObjectType.CONTACT,
                [(slow.id, slow.fence, {"step": "created"}, "7")],
                lease=LEASE,
            )

        assert kept == set()
        assert bench.line("C-1").platform_object_id is None

    def test_progress_of_a_lost_claim_is_not_kept_while_somebody_else_sends(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact())
        (slow,) = claim(bench)
        start(bench, slow)
        bench.pass_time(LEASE + timedelta(seconds=1))
        bench.sweep()
        (other,) = claim(bench, worker="two", uncertain=True)
        settle(bench, other, SyncStatus.PENDING)
        (other,) = claim(bench, worker="two")
        start(bench, other)

        with bench.begin() as work:
            kept = work.records.save_progress(
                bench.connection_id,
                ObjectType.CONTACT,
                [(slow.id, slow.fence, {"step": "created"}, "7")],
                lease=LEASE,
            )

        assert kept == set()
        assert bench.line("C-1").platform_object_id is None


class TestRelease:
    def test_a_child_that_is_blocked_just_after_its_parent_was_done_is_not_stuck(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact(), an_invoice())
        (contact,) = claim(bench)
        with bench.begin() as work:
            (invoice,) = work.records.claim(
                bench.connection_id, ObjectType.INVOICE, worker="two", lease=LEASE, limit=1
            )
        settle(bench, contact, SyncStatus.DONE, platform_id="7", pushed_hash=contact.content_hash)

        settle(bench, invoice, SyncStatus.BLOCKED, blocked_by=contact.id)

        assert bench.status("I-1") is SyncStatus.PENDING

    def test_two_documents_cannot_be_paired_with_one_object(self, bench: Bench) -> None:
        bench.hand_in(a_contact("C-1"), a_contact("C-2"))
        bench.push()
        with bench.begin() as work:
            taken = work.pairing.taken(
                bench.connection_id, ObjectType.CONTACT, ["contact-000001", "none"]
            )

        assert list(taken) == ["contact-000001"]

    def test_a_blocked_payment_is_released_by_its_parent_alone(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice("I-1"), a_payment(), an_invoice("I-2"))
        bench.push(only=[ObjectType.CONTACT])
        bench.push(only=[ObjectType.PAYMENT])
        assert bench.status("Z-1") is SyncStatus.BLOCKED

        bench.push(only=[ObjectType.INVOICE])

        assert bench.status("Z-1") is SyncStatus.PENDING
