"""Deliveries arrive at least once, signed, at nobody's private network, and end."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from connectors.faults import Answer, Fault
from connectors.loopback import LoopbackServer
from models.crypto import KeyRing
from models.repositories import Due
from models.repositories.webhooks import Slice
from models.tables import DeliveryStatus, EndpointStatus, EventRow
from sync import deliveries, webhooks
from sync.deliveries import LEASE, PAUSES, Reply, endpoint_pause, judged, retry_after
from sync.errors import AccessDeniedError, NotAllowedError
from sync.webhooks import Addresses, public
from tests.factories import Bench, shift
from tests.receiver import LOOPBACK, Outbox, Receiver
from worker.outgoing import Sender


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.running() as receiver:
        yield receiver


@pytest.fixture
def outbox(bench: Bench) -> Outbox:
    return Outbox.of(bench.begin, bench.opener.keys, bench.entity_id)


@pytest.fixture
def told(bench: Bench, outbox: Outbox, receiver: Receiver) -> webhooks.NewEndpoint:
    """A subscription with one delivery that is due."""
    made = outbox.subscribe(receiver.url, "sync_run")
    bench.run(only="pull")
    return made


class TestMessages:
    def test_what_happened_arrives_signed_in_the_form_of_the_contract(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint, bench: Bench
    ) -> None:
        assert outbox.deliver() == 1

        (message,) = receiver.verified(told.secret)
        (line,) = outbox.log()
        assert message.pop("object")["status"] == "done"
        assert datetime.fromisoformat(message.pop("created_at")) == line.event.created_at
        assert message == {
            "id": receiver.ids[0],
            "action": "sync_run.finished",
            "api_version": "2024-05-25",
            "entity_id": str(bench.entity_id),
            "description": "Both sides are in step.",
            "object_type": "sync_run",
            "webhook_subscription_id": str(told.row.id),
        }
        assert outbox.statuses() == [("delivered", 1)]
        assert line.delivery.http_status == 200

    @pytest.mark.usefixtures("told")
    def test_another_secret_does_not_verify(self, outbox: Outbox, receiver: Receiver) -> None:
        outbox.deliver()

        with pytest.raises(WebhookVerificationError):
            receiver.verified(webhooks._new_secret())

    def test_a_message_that_was_altered_does_not_verify(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        outbox.deliver()
        (request,) = receiver.requests

        with pytest.raises(WebhookVerificationError):
            Webhook(told.secret).verify(request.body + b" ", dict(request.headers))

    def test_a_new_secret_signs_and_the_old_one_is_over(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        made = webhooks.regenerate_secret(outbox.begin, outbox.keys, outbox.caller, told.row.id)

        outbox.deliver()

        assert receiver.verified(made.secret)
        with pytest.raises(WebhookVerificationError):
            receiver.verified(told.secret)

    def test_the_secret_is_not_in_the_database_as_it_is(
        self, outbox: Outbox, told: webhooks.NewEndpoint
    ) -> None:
        with outbox.begin() as work:
            ((_, sealed),) = work.webhooks.all_sealed()

        assert told.secret.encode() not in sealed
        assert outbox.keys.open(sealed) == {"secret": told.secret}

    @pytest.mark.usefixtures("told")
    def test_a_secret_whose_key_is_lost_stops_no_worker(
        self, outbox: Outbox, receiver: Receiver
    ) -> None:
        outbox.keys = KeyRing([Fernet.generate_key().decode()])

        outbox.deliver()

        assert outbox.statuses() == [("pending", 1)]
        assert "cannot be decrypted" in (outbox.log()[0].delivery.error or "")
        assert receiver.requests == []


@pytest.mark.usefixtures("told")
class TestAtLeastOnce:
    def test_a_lost_answer_leads_to_the_same_message_again(
        self, bench: Bench, outbox: Outbox, receiver: Receiver
    ) -> None:
        receiver.faults.arm(Fault.DROP_AFTER, method="POST")
        outbox.deliver()
        assert outbox.statuses() == [("pending", 1)]
        assert outbox.deliver() == 0  # not before its time
        shift(bench.database, timedelta(seconds=7))

        outbox.deliver()

        assert outbox.statuses() == [("delivered", 2)]
        first, second = receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body

    def test_a_worker_killed_between_claim_and_send_delays_and_loses_nothing(
        self, bench: Bench, outbox: Outbox, receiver: Receiver
    ) -> None:
        with outbox.begin() as work:
            assert len(work.webhooks.claim(worker="killed", lease=LEASE, limit=8)) == 1
        assert outbox.deliver() == 0
        shift(bench.database, LEASE)

        outbox.deliver()

        assert len(receiver.requests) == 1
        assert outbox.statuses() == [("delivered", 2)]

    def test_a_worker_that_comes_back_late_changes_nothing(
        self, bench: Bench, outbox: Outbox
    ) -> None:
        with outbox.begin() as work:
            (late,) = work.webhooks.claim(worker="frozen", lease=LEASE, limit=8)
        shift(bench.database, LEASE)
        outbox.deliver()

        deliveries.settle(outbox.begin, [judged(late, Reply(status=410), 0)])

        assert outbox.statuses() == [("delivered", 2)]
        with outbox.begin() as work:
            (row,) = work.webhooks.listing(outbox.audience, Slice())
        assert row.status is EndpointStatus.ENABLED

    def test_two_workers_share_what_is_due(self, outbox: Outbox) -> None:
        with outbox.begin() as first, outbox.begin() as second:
            one = first.webhooks.claim(worker="a", lease=LEASE, limit=8)
            other = second.webhooks.claim(worker="b", lease=LEASE, limit=8)

        assert (len(one), len(other)) == (1, 0)

    def test_a_replay_has_the_same_id_and_a_line_of_its_own(
        self, outbox: Outbox, receiver: Receiver
    ) -> None:
        outbox.deliver()
        (line,) = outbox.log()

        webhooks.replay(outbox.begin, outbox.caller, line.id)
        outbox.deliver()

        assert len(receiver.ids) == 2
        assert len(set(receiver.ids)) == 1
        assert [one.delivery.replay_of for one in outbox.log()] == [None, line.id]


class TestFailures:
    def test_every_pause_comes_before_a_delivery_fails(self) -> None:
        waits = [retry_after(attempt, 0) for attempt in range(1, 11)]

        assert waits == [*PAUSES, None]

    def test_what_failed_together_does_not_return_together(self) -> None:
        waits = [retry_after(2, chance) for chance in (0, 0.5, 1)]

        assert waits == [timedelta(seconds=seconds) for seconds in (300, 330, 360)]

    def test_an_endpoint_rests_longer_the_longer_it_fails(self) -> None:
        rests = [endpoint_pause(failures).total_seconds() for failures in (0, 1, 2, 6, 1000)]

        assert rests == [5, 10, 20, 300, 300]

    @pytest.mark.usefixtures("told")
    def test_the_tenth_failure_is_the_last(self, outbox: Outbox, bench: Bench) -> None:
        for _ in PAUSES:
            outbox.deliver(_Refusing())
            _due_now(bench)
        assert outbox.statuses() == [("pending", 9)]

        outbox.deliver(_Refusing())
        _due_now(bench)

        assert outbox.statuses() == [("failed", 10)]
        assert outbox.deliver() == 0

    def test_gone_disables_the_endpoint_at_once(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        receiver.answer = Answer(410, {})

        outbox.deliver()

        assert outbox.statuses() == [("failed", 1)]
        with outbox.begin() as work:
            row = webhooks.endpoint_of(work, outbox.caller, told.row.id)
        assert row.status is EndpointStatus.DISABLED
        assert _audited(outbox, told.row.id) == ["it answered 410 Gone"]

    def test_five_days_of_failures_disable_it_and_enabling_forgives(
        self, bench: Bench, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        outbox.deliver(_Refusing())
        shift(bench.database, timedelta(days=5, minutes=1))

        outbox.deliver(_Refusing())

        assert _audited(outbox, told.row.id) == ["it failed for too long"]
        shift(bench.database, timedelta(days=1))
        assert outbox.deliver() == 0
        webhooks.set_enabled(outbox.begin, outbox.caller, told.row.id, enabled=True)
        outbox.deliver()
        assert len(receiver.requests) == 1

    def test_an_endpoint_that_fails_rests_and_the_others_do_not_wait(
        self, bench: Bench, outbox: Outbox, receiver: Receiver
    ) -> None:
        with LoopbackServer(lambda _: Answer(500, {})).running() as failing:
            outbox.subscribe(f"{failing}/", "sync_run")
            outbox.subscribe(receiver.url, "sync_run")
            for _ in range(20):
                bench.run(only="pull")

            tries = outbox.deliver()

        assert len(receiver.requests) == 20
        assert tries <= 20 + deliveries.AT_ONCE

    def test_redirects_are_not_followed(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        assert told
        receiver.answer = Answer(302, {}, {"location": receiver.url})

        outbox.deliver()

        assert len(receiver.requests) == 1
        assert outbox.log()[0].delivery.error == "it answered 302"

    @pytest.mark.usefixtures("told")
    def test_a_receiver_that_says_nothing_is_not_waited_for(
        self, outbox: Outbox, receiver: Receiver
    ) -> None:
        receiver.faults.arm(Fault.SLOW_ANSWER, method="POST", seconds=5)

        outbox.deliver(Sender(LOOPBACK, seconds=0.2))

        assert outbox.log()[0].delivery.error == "no answer within 0.2 seconds"

    def test_nobody_there_is_a_failure_like_others(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        reply = Sender(LOOPBACK)(f"http://127.0.0.1:{port}/", {}, b"")

        assert reply == Reply(problem="the connection failed (ConnectError)")

    @pytest.mark.usefixtures("told")
    def test_what_waits_for_a_deleted_endpoint_has_failed(
        self, outbox: Outbox, told: webhooks.NewEndpoint
    ) -> None:
        webhooks.unsubscribe(outbox.begin, outbox.caller, told.row.id)

        assert outbox.deliver() == 0
        assert outbox.statuses() == [("failed", 0)]
        with pytest.raises(NotAllowedError):
            webhooks.replay(outbox.begin, outbox.caller, outbox.log()[0].id)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1%eth0",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ],
    )
    def test_private_addresses_are_not_public(self, address: str) -> None:
        assert not public(address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
    def test_public_addresses_are(self, address: str) -> None:
        assert public(address)

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://192.168.1.1:8443/",
        ],
    )
    def test_what_could_never_be_called_is_refused_at_once(self, url: str) -> None:
        with pytest.raises(AccessDeniedError):
            Addresses().check(url)

    def test_the_operator_may_name_more(self) -> None:
        Addresses(("http://hooks.internal:8080",)).check("http://hooks.internal:8080/a")
        with pytest.raises(AccessDeniedError):
            Addresses(("http://hooks.internal:8080",)).check("http://hooks.internal:80801/a")

    @pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
    def test_a_name_that_leads_inside_is_not_connected_to(self, host: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.2)
            port = server.getsockname()[1]

            reply = Sender(Addresses())(f"https://{host}:{port}/", {}, b"")

            assert reply == Reply(problem="its address is in a private network")
            with pytest.raises(TimeoutError):
                server.accept()

    def test_what_is_allowed_no_more_is_sent_no_more(
        self, outbox: Outbox, receiver: Receiver, told: webhooks.NewEndpoint
    ) -> None:
        assert told

        outbox.deliver(Sender(Addresses()))

        assert receiver.requests == []
        assert outbox.log()[0].delivery.error == "the URL is not allowed any more"

    def test_a_certificate_that_nobody_vouches_for_is_refused(self) -> None:
        with LoopbackServer(lambda _: Answer(200, {})).running() as base:
            url = base.replace("http://", "https://")

            reply = Sender(Addresses((url,)))(f"{url}/", {}, b"")

        assert reply.status is None
        assert "failed" in (reply.problem or "")


class _Refusing(Sender):
    """A receiver that is broken."""

    def __init__(self) -> None:
        super().__init__(LOOPBACK)
        self.calls = 0

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> Reply:  # noqa: ARG002
        self.calls += 1
        return Reply(status=500)


def _due_now(bench: Bench) -> None:
    """Let the next try be due, without letting days pass for the endpoint."""
    with bench.begin() as work:
        work.webhooks._execute("UPDATE webhook_deliveries SET next_attempt_at = now()")
        work.webhooks._execute("UPDATE webhook_endpoints SET paused_until = NULL")


def _audited(outbox: Outbox, endpoint_id: UUID) -> list[Any]:
    with outbox.begin() as work:
        found = work.webhooks._execute(
            "SELECT reason FROM audit_log WHERE action = 'webhook.disable' AND subject = :id",
            id=str(endpoint_id),
        )
        return list(found.scalars())


def test_a_payload_is_the_same_at_every_try() -> None:
    event = EventRow(
        id=UUID(int=1),
        billing_entity_id=UUID(int=2),
        object_type="issue",
        event_type="opened",
        description="é",
        object={"b": 1, "a": 2},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    due = Due(UUID(int=3), 1, 1, UUID(int=4), "https://x/", b"", "2024-05-25", 0, event)

    assert deliveries.payload(due) == deliveries.payload(due)
    assert b'"action":"issue.opened"' in deliveries.payload(due)
    assert judged(due, Reply(status=204), 0).status is DeliveryStatus.DELIVERED
