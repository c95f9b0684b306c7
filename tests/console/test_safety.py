"""What nobody can do by way of the console: act without a form, without the role, or for others."""

import re
from datetime import date
from uuid import UUID, uuid4

import sqlalchemy

from tests.api.world import World
from tests.console.browser import Browser, People
from tests.factories import a_contact, a_line, an_invoice

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def a_world_with_everything(world: World) -> dict[str, UUID]:
    """A refused record, a cause that can be mapped, a run: one of each thing that pages show."""
    world.hand_in(
        a_contact("C-1", name=HOSTILE),
        an_invoice("odd", number=HOSTILE, lines=[a_line(rate="8.5", description=HOSTILE)]),
        an_invoice("fine"),
    )
    world.sync()
    with world.runtime.begin() as work:
        ((issue, _),) = work.issues.listing(world.connection_id)
    record = next(line for line in world.lines() if line.external_id == "odd")
    return {"connection": world.connection_id, "issue": issue.id, "record": record.id}


def addresses(things: dict[str, UUID], method: str) -> list[str]:
    """Every address of that method about one of these things."""
    pages = {
        "GET": ("connections/{connection}", "connections/{connection}/live", "records/{record}",
                "issues/{issue}", "log?connection={connection}", "log?issue={issue}",
                "issues?connection={connection}", "reconciliation?connection={connection}"),
        "POST": ("connections/{connection}/sync", "connections/{connection}/pause",
                 "connections/{connection}/resume", "records/{record}/retry",
                 "records/{record}/again", "records/{record}/skip", "records/{record}/settle",
                 "issues/{issue}/map", "issues/{issue}/retry"),
    }  # fmt: skip
    return ["/console/" + one.format(**things) for one in pages[method]]


ANYTHING = {"reason": "because", "platform_id": "1", "theirs": "vat-20", "month": "2026-03"}


def state(database: sqlalchemy.Engine) -> list[str]:
    """Everything that an action could change."""
    with database.connect() as connection:
        return [
            row
            for table in ("connections", "synced_records", "sync_runs", "issues", "mappings")
            for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} t ORDER BY 1")
            .scalars()
        ]  # fmt: skip


def test_nothing_is_done_without_the_form_of_the_own_session(
    people: People, world: World, database: sqlalchemy.Engine
) -> None:
    things = a_world_with_everything(world)
    ada = people.signed_in("ada", "administrator")
    other = people.signed_in("bob", "administrator")
    token = ada.form("/sign-out").fields["form_token"]
    theirs = other.form("/sign-out").fields["form_token"]
    before = state(database)

    for url in addresses(things, "POST"):
        for fields in ({}, {"form_token": ""}, {"form_token": theirs}, {"form_token": "é" * 64}):
            text = ada.post(url, ANYTHING | fields, status=403)
            assert "Nothing was changed." in text
        elsewhere = ada.client.post(
            url, data=ANYTHING | {"form_token": token}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert elsewhere.status_code == 403
        assert ada.client.get(url).status_code in {404, 405}
        stranger = people.browser().client.post(url, data=ANYTHING | {"form_token": token})
        assert stranger.status_code in {303, 403}
    reconciled = ada.client.post("/console/reconciliation", data=ANYTHING)
    assert reconciled.status_code == 403
    assert state(database) == before


def test_a_viewer_looks_and_a_bookkeeper_does_not_pause(
    people: People, world: World, database: sqlalchemy.Engine
) -> None:
    things = a_world_with_everything(world)
    eve, ana = people.signed_in("eve", "viewer"), people.signed_in("ana", "bookkeeper")
    before = state(database)

    for page in addresses(things, "GET"):
        eve.open(page)
        if "reconciliation" not in page and "live" not in page:
            assert [form.url for form in eve.forms() if "/console/" in form.url] == [
                form.url for form in eve.forms() if form.url.endswith(("sign-out", "log", "issues"))
            ]
    token = eve.open("/console") and eve.form("/sign-out").fields["form_token"]
    for url in addresses(things, "POST"):
        text = eve.post(url, ANYTHING | {"form_token": token}, status=403)
        assert "your role is viewer" in text.lower()
    token = ana.open("/console") and ana.form("/sign-out").fields["form_token"]
    for url in addresses(things, "POST")[1:3]:
        text = ana.post(url, {"form_token": token}, status=403)
        assert "takes an administrator" in text
    assert state(database) == before


def test_things_of_another_organisation_do_not_exist(
    people: People, world: World, database: sqlalchemy.Engine
) -> None:
    things = a_world_with_everything(world)
    world.entity("UK", organisation="Rival")
    rival = people.signed_in("rita", "administrator", organisation="Rival")
    nobody = {name: uuid4() for name in things}
    token = rival.form("/sign-out").fields["form_token"]
    before = state(database)

    for page, other in zip(addresses(things, "GET"), addresses(nobody, "GET"), strict=True):
        rival.open(page, status=404)
        theirs = rival.page.text
        rival.open(other, status=404)
        assert rival.page.text == theirs  # not even that it exists
    for url in addresses(things, "POST"):
        rival.post(url, ANYTHING | {"form_token": token}, status=404)
    asked = {"form_token": token, "connection": str(things["connection"]), "month": "2026-03"}
    rival.post("/console/reconciliation", asked, status=404)
    rival.open(f"/console/log?entity={world.entity_id}", status=404)
    for page in ("", "/log", "/log?all=1&q=fine", "/issues", "/reconciliation"):
        text = rival.open(f"/console{page}")
        assert "Acme" not in text
        assert "INV-fine" not in text
        assert str(world.connection_id) not in rival.page.text
    assert state(database) == before


def test_pages_show_hostile_words_as_words_and_no_secret(people: People, world: World) -> None:
    things = a_world_with_everything(world)
    world.ledger.change(closed_until=date(2026, 12, 31))
    world.hand_in(an_invoice("late", number="N-1", issue_date=date(2026, 4, 1)))
    world.push()
    ada = people.signed_in("ada", "administrator")
    late = next(line.id for line in world.lines() if line.external_id == "late")
    pages = ["/console", "/console/log?all=1", "/console/log?q=%22%3E%3Cscript", "/console/issues",
             "/console/password", "/console/nothing/here", f"/console/records/{late}",
             "/console/log?status=%3Cscript%3E&q=%3Cscript%3Ealert(1)%3C/script%3E",
             *addresses(things, "GET")]  # fmt: skip
    searched = ""
    for page in pages:
        ada.page = ada.client.get(page, follow_redirects=True)
        searched += ada.page.text
        policy = ada.page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ada.page.headers["cache-control"] == "no-store"
        assert re.findall(r"<script(?! src=\"/console/static/)", ada.page.text) == []
        assert re.findall(r"<img|<style|\sstyle=|\son\w+=\"", ada.page.text) == []
        assert re.findall(r"(?:src|href)=\"(?!/console|http://127)", ada.page.text) == [
            'href="'
        ] * ("#main" in ada.page.text)
    assert "&lt;script&gt;alert(1)" in searched
    for secret in (
        world.ledger.rules.api_key,
        "$argon2id$",
        ada.client.cookies["ledgerbridge_session"],
    ):
        assert secret not in searched


def test_what_an_action_says_cannot_be_put_into_our_mouth(ana: Browser) -> None:
    ana.client.cookies.set("ledgerbridge_said", "Your account is blocked, call", path="/console")

    assert "Your account is blocked" not in ana.open("/console")


def test_a_bug_says_what_to_quote_and_nothing_else(
    ana: Browser, world: World, database: sqlalchemy.Engine
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE connections SET provider = 'gone'")

    answer = ana.client.get(f"/console/connections/{world.connection_id}")

    assert answer.status_code in {409, 500}
    assert "Traceback" not in answer.text
    assert "select" not in answer.text.lower()


def test_a_form_that_is_too_large_is_refused(ana: Browser) -> None:
    form = ana.form("/sign-out")

    ana.post(form.url, form.fields | {"filling": "x" * 100_000}, status=403)

    ana.open("/console")
    assert ana.path == "/console"


def test_files_are_kept_by_browsers_and_no_others_are_served(ana: Browser) -> None:
    for kind, url in re.findall(r'(src|href)="(/console/static/[^"]+)"', ana.page.text):
        answer = ana.client.get(url)
        assert answer.status_code == 200, kind
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("../web.py", "%2e%2e%2fweb.py", "base.html"):
        assert ana.client.get(f"/console/static/{name}").status_code == 404


def test_pages_are_counted_by_what_they_are_not_by_whose(ana: Browser, world: World) -> None:
    ana.open(f"/console/connections/{world.connection_id}")

    counted = ana.client.get("/metrics").text

    assert 'route="/console/connections/{connection_id}"' in counted
    assert str(world.connection_id) not in counted
