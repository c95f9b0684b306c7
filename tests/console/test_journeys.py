"""What a bookkeeper does with nothing but the console."""

from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy

from models.status import SyncStatus
from models.tables import ConnectionStatus
from sync import connections
from tests.api.world import World
from tests.console.browser import Browser, People
from tests.factories import a_bill, a_contact, a_line, a_payment, a_supplier, an_invoice


def status_of(world: World, external_id: str) -> SyncStatus:
    """Where a document of ours stands."""
    return next(line.status for line in world.lines() if line.external_id == external_id)


def record_of(world: World, external_id: str) -> str:
    """A document's record, as its page's address."""
    found = next(line.id for line in world.lines() if line.external_id == external_id)
    return f"/console/records/{found}"


def actions(database: sqlalchemy.Engine, actor: str) -> list[str]:
    """What somebody did, in order, without coming and going."""
    with database.connect() as connection:
        found = connection.execute(
            sqlalchemy.text("SELECT action FROM audit_log WHERE actor = :actor ORDER BY id"),
            {"actor": f"user:{actor}"},
        )
        return [action for action in found.scalars() if not action.startswith("user.")]


def test_why_many_invoices_wait_is_found_mended_and_seen_to_go(
    ana: Browser, world: World, database: sqlalchemy.Engine
) -> None:
    odd = [an_invoice(f"I-{number}", lines=[a_line(rate="8.5")]) for number in range(60)]
    world.hand_in(a_contact(), *odd)
    world.push()

    text = ana.open("/console")
    assert "60 records wait for 1 cause" in text
    assert "Tax rate 8.5 % has no counterpart in Plain ledger." in text
    assert "`" not in text
    assert "ledgerbridge map" not in text

    ana.open(next(url for url in ana.links() if "/console/issues/" in url))
    assert "Map and send 60" in ana.text
    assert ana.page.text.index('value="vat-5.5"') < ana.page.text.index('value="vat-20"')
    assert len([url for url in ana.links() if "/console/records/" in url]) == 50
    text = ana.send("/map", theirs="vat-5.5")

    assert "Mapped 8.5. 60 records go on now." in text
    assert "Closed" in text
    world.push()
    assert {line.status for line in world.lines()} == {SyncStatus.DONE}
    assert actions(database, ana.name) == ["map"]


def test_an_account_is_mapped_to_one_that_is_suggested(ana: Browser, world: World) -> None:
    world.hand_in(a_supplier(), a_bill("B-1", lines=(a_line(account_id="626000"),)))
    world.push()
    ana.open("/console/issues")
    ana.open(next(url for url in ana.links() if "/console/issues/" in url))

    suggested = ana.page.text.partition('label="Suggested"')[2].partition("</optgroup>")[0]
    assert "622000" in suggested
    assert "706000" not in suggested
    ana.send("/map", theirs="622000")
    world.push()

    assert status_of(world, "B-1") is SyncStatus.DONE


def test_what_waits_goes_even_where_the_cause_is_not_named_after_what_is_mapped(
    ana: Browser, world: World, database: sqlalchemy.Engine
) -> None:
    world.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
    world.push()
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE issues SET subject = 'sales of wine'")
    ana.open("/console/issues")
    ana.open(next(url for url in ana.links() if "/console/issues/" in url))

    assert "Mapped 8.5. 1 record goes on now." in ana.send("/map", theirs="vat-5.5")
    world.push()

    assert status_of(world, "I-1") is SyncStatus.DONE


def test_a_mapping_to_nothing_is_refused_in_words(ana: Browser, world: World) -> None:
    world.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
    world.push()
    ana.open("/console/issues")
    ana.open(next(url for url in ana.links() if "/console/issues/" in url))

    assert "has no tax rate 'nothing like it'" in ana.send("/map", theirs="nothing like it")
    assert "Choose what it is in the ledger." in ana.send("/map", theirs=" ")
    assert status_of(world, "I-1") is SyncStatus.BLOCKED


def test_what_the_ledger_refused_is_retried_all_at_once(ana: Browser, world: World) -> None:
    world.ledger.change(closed_until=date(2026, 3, 31))
    world.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(3)))
    world.push()
    ana.open("/console/issues")
    text = ana.open(next(url for url in ana.links() if "/console/issues/" in url))
    assert "choose “Retry all”" in text
    world.ledger.change(closed_until=None)

    assert "3 records are sent again." in ana.send("/retry")
    world.push()

    assert {line.status for line in world.lines()} == {SyncStatus.DONE}


def test_a_record_tells_its_whole_history_in_the_ledgers_own_words(
    ana: Browser, world: World
) -> None:
    world.ledger.change(closed_until=date(2026, 3, 31))
    world.hand_in(a_contact(), an_invoice())
    world.push()
    world.ledger.change(closed_until=None)
    ana.open(record_of(world, "I-1"))
    with world.runtime.begin() as work:
        (first,) = work.attempts.of_record(
            next(line.id for line in world.lines() if line.external_id == "I-1")
        )

    assert first.request_id
    for words in (first.request_id, first.provider_message or "", "word for word", "120.00 EUR"):
        assert words in ana.text
    ana.send("/retry")
    assert "It is sent again." in ana.text
    world.push()
    text = ana.open(record_of(world, "I-1"))
    assert text.index("Accepted") < text.index("Refused")  # the newest try first
    assert not ana.has_form("/skip")


def test_records_are_settled_or_never_sent_with_a_reason(
    ana: Browser, world: World, database: sqlalchemy.Engine
) -> None:
    world.ledger.change(closed_until=date(2026, 3, 31))
    world.hand_in(a_contact(), an_invoice("I-1"), an_invoice("I-2"))
    world.push()
    world.ledger.change(closed_until=None)
    contact = next(line.platform_object_id for line in world.lines() if line.external_id == "C-1")
    lines = (a_line(account_id="706000", tax_rate_id="vat-20"),)
    theirs = world.ledger.enter(an_invoice("new", contact_id=contact, lines=lines))

    ana.open(record_of(world, "I-1"))
    assert "check the id" in ana.send("/settle", platform_id="nonsense", reason="by hand")
    assert "the ledger has it" in ana.send("/settle", platform_id=theirs, reason="by hand")
    ana.open(record_of(world, "I-2"))
    assert "A reason is needed" in ana.send("/skip", reason=" ")
    assert "It is never sent." in ana.send("/skip", reason="a duplicate")

    assert status_of(world, "I-1") is SyncStatus.DONE_MANUALLY
    assert status_of(world, "I-2") is SyncStatus.SKIPPED
    assert "a duplicate" in ana.text
    assert actions(database, ana.name) == ["settle", "skip"]


def test_a_sync_is_started_followed_and_its_result_read(
    people: People, world: World, database: sqlalchemy.Engine
) -> None:
    ada = people.signed_in("ada", "administrator")
    world.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(3)))
    page = f"/console/connections/{world.connection_id}"
    ada.open(page)
    ada.send("/sync")
    assert "The sync was started." in ada.text
    assert not ada.has_form("/sync")
    live = ada.client.get(f"{page}/live").json()
    assert (live["running"], live["doing"]) == (True, "Waiting for a worker")

    world.sync()  # what a worker does with the queued run

    assert ada.client.get(f"{page}/live").json() == {"running": False}
    text = ada.open(page)
    assert "4 sent" in text
    assert "Both sides are in step." in text
    assert "Invoices 3 0 0 0" in text

    ada.send("/pause")
    assert "Paused" in ada.text
    assert not ada.has_form("/sync")
    ada.send("/resume")
    with world.runtime.begin() as work:
        row = connections.get(work, world.connection_id)
    assert row.status is ConnectionStatus.CONNECTED
    names = ["sync", "connection.pause", "connection.resume"]
    assert actions(database, ada.name) == names


def test_the_log_is_filtered_searched_sorted_and_paged(ana: Browser, world: World) -> None:
    numbers = [f"FA-{number:03}" for number in range(120)]
    world.hand_in(
        a_contact(name="Hôtel Aurore"),
        *(an_invoice(number, number=number) for number in numbers),
        an_invoice("odd", number="XX-1", lines=[a_line(rate="8.5")]),
        a_payment(pays={"FA-000": Decimal("120.00")}),
    )
    world.push()

    def shown() -> list[str]:
        return [url for url in ana.links() if "/console/records/" in url]

    seen: list[str] = []
    ana.open("/console/log?type=invoice&status=done")
    while True:
        seen += shown()
        following = [url for url in ana.links() if "&at=" in url and "back" not in url]
        if not following:
            break
        ana.open(following[0])
    assert (len(seen), len(set(seen))) == (120, 120)
    back = next(url for url in ana.links() if "back=1" in url)
    ana.open(back)
    assert shown() == seen[50:100]

    ana.open("/console/log?type=invoice&status=done&oldest=1")
    assert shown() == seen[::-1][:50]
    ana.open(next(url for url in ana.links() if "&at=" in url))
    assert shown() == seen[::-1][50:100]

    assert "1 record found" in ana.open("/console/log?q=xx-")
    assert "1 record found" in ana.open("/console/log?q=FA-007")
    assert "10 records found" in ana.open("/console/log?q=fa-11")
    assert "123 records found" in ana.open("/console/log?q=hôtel")  # itself and all that name it
    assert "1 record found" in ana.open("/console/log?q=hôtel&status=waiting")
    assert "No record is like that" in ana.open("/console/log?q=100%25")
    assert "No record is like that" in ana.open("/console/log?status=never")
    assert shown() == []
    ana.open("/console/log?all=1&type=tax_rate")
    assert len(shown()) == 3
    ana.open("/console/log?type=nonsense", status=404)


def test_a_month_is_compared_down_to_the_record(ana: Browser, world: World) -> None:
    day = date(2026, 3, 15)
    late = an_invoice("late", lines=[a_line("50.00", rate="8.5")], issue_date=day)
    other = an_invoice("other", issue_date=day + timedelta(days=40))
    world.hand_in(a_contact(), an_invoice("there", issue_date=day), late, other)
    world.push()
    ana.open("/console/reconciliation")

    text = ana.send("/reconciliation", connection=str(world.connection_id), month="2026-03")

    assert "1 document differs, for a reason that is known." in text
    assert "Statement for 1 Mar 2026 to 31 Mar 2026" in text
    assert "Invoice 2 174.25 EUR 1 120.00 EUR −54.25 EUR" in text
    assert record_of(world, "late") in ana.links()
    assert "Neither side has a document" in ana.send(
        "/reconciliation", connection=str(world.connection_id), month="2025-12"
    )
    ana.send("/reconciliation", connection=str(world.connection_id), month="soon", status=400)
