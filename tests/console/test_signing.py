"""Who comes in, how, and for how long."""

from urllib.parse import quote

import httpx
import pytest
import sqlalchemy

from models.tables import UserRole
from sync import people as use_cases
from sync.errors import NotAllowedError
from tests.api.conftest import Serve
from tests.api.world import World
from tests.console.browser import PASSWORD, People


def audit(database: sqlalchemy.Engine, name: str) -> list[tuple[str, str]]:
    """Who did what to a person, in order."""
    with database.connect() as connection:
        found = connection.execute(
            sqlalchemy.text(
                "SELECT actor, action FROM audit_log WHERE subject = :name ORDER BY id"
            ),
            {"name": name},
        )
        return [(row.actor, row.action) for row in found]


def test_a_stranger_is_asked_to_sign_in_and_comes_where_they_wanted(people: People) -> None:
    name, password = people.add("ana", "viewer")
    browser = people.browser()

    browser.open("/console/log?status=waiting")
    assert browser.path == "/console/sign-in"
    browser.send("/sign-in", name=name.upper(), password=password)
    assert browser.path == "/console/password"
    browser.send("/password", present=password, new=PASSWORD, again=PASSWORD)
    browser.send("/sign-out")
    browser.open("/console/log?status=waiting")
    browser.send("/sign-in", name=name, password=PASSWORD)

    assert str(browser.page.url).endswith("/console/log?status=waiting")


def test_a_one_time_password_opens_nothing_but_the_choice_of_another(people: People) -> None:
    name, password = people.add("ana", "administrator")
    browser = people.browser()
    browser.open("/console")
    browser.send("/sign-in", name=name, password=password)

    for path in ("", "/log", "/issues", f"/connections/{people.world.connection_id}"):
        browser.open(f"/console{path}")
        assert browser.path == "/console/password"
    form = browser.form("/password")
    sync = f"/console/connections/{people.world.connection_id}/sync"
    browser.post(sync, {"form_token": form.fields["form_token"]})
    assert browser.path == "/console/password"
    assert "Sync now" not in browser.text


def test_a_password_that_will_not_do_is_not_kept(people: People) -> None:
    name, password = people.add("ana", "viewer")
    browser = people.browser()
    browser.open("/console")
    browser.send("/sign-in", name=name, password=password)
    form = browser.form("/password")

    for present, new, again, words in (
        ("wrong", PASSWORD, PASSWORD, "The present password is not right."),
        (password, "short", "short", "must have 12 to 200 letters"),
        (password, "a" * 16, "a" * 16, "too easy to guess"),
        (password, PASSWORD, "another few words", "typed in two ways"),
    ):
        given = {"present": present, "new": new, "again": again}
        assert words in browser.post(form.url, form.fields | given, status=400)
    browser.open("/console")
    assert browser.path == "/console/password"


def test_an_unknown_name_and_a_wrong_password_are_answered_alike(people: People) -> None:
    name, _ = people.add("ana", "viewer")
    texts = []
    for tried in (name, f"nobody-{people.mark}"):
        browser = people.browser()
        browser.open("/console")
        text = browser.send("/sign-in", name=tried, password="wrong", status=401)
        texts.append(text)
        assert tried in browser.page.text
    assert texts[0] == texts[1]


def test_after_a_few_wrong_tries_even_the_right_password_waits(people: People) -> None:
    name, password = people.add("ana", "viewer")
    browser = people.browser()
    browser.open("/console")
    for _ in range(5):
        browser.send("/sign-in", name=name, password="wrong", status=401)

    text = browser.send("/sign-in", name=name, password=password, status=429)

    assert "Too many tries" in text
    browser.open("/console")
    assert browser.path == "/console/sign-in"


def test_who_signs_in_in_between_may_err_again(people: People) -> None:
    browser = people.signed_in("ana", "viewer")
    for _ in range(2):
        browser.send("/sign-out")
        for _ in range(4):
            browser.send("/sign-in", name=browser.name, password="wrong", status=401)
        browser.send("/sign-in", name=browser.name, password=PASSWORD)
        assert browser.path == "/console"


def test_signing_out_ends_the_session_itself(people: People) -> None:
    browser = people.signed_in("ana", "viewer")
    kept = dict(browser.client.cookies)
    browser.send("/sign-out")

    other = httpx.get(f"{people.world.url}/console", cookies=kept, follow_redirects=False)

    assert (other.status_code, other.headers["location"]) == (303, "/console/sign-in")


def test_a_session_that_nobody_uses_ends_by_itself(
    people: People, database: sqlalchemy.Engine
) -> None:
    browser = people.signed_in("ana", "viewer")
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET seen_at = now() - interval '13 hours'")

    browser.open("/console")

    assert browser.path == "/console/sign-in"


def test_a_one_time_password_ends_after_a_week(people: People, database: sqlalchemy.Engine) -> None:
    name, password = people.add("ana", "viewer")
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET one_time_until = now() - interval '1 minute'")
    browser = people.browser()
    browser.open("/console")

    assert "has ended" in browser.send("/sign-in", name=name, password=password, status=401)


def test_rights_follow_the_person_from_one_click_to_the_next(people: People, world: World) -> None:
    browser = people.signed_in("ana", "viewer")
    browser.open(f"/console/connections/{world.connection_id}")
    assert not browser.has_form("/pause")

    with world.runtime.begin() as work:
        use_cases.set_role(work, browser.name, UserRole.ADMINISTRATOR, actor="test")
    browser.open(f"/console/connections/{world.connection_id}")
    assert browser.has_form("/pause")

    with world.runtime.begin() as work:
        use_cases.remove(work, browser.name, actor="test")
    browser.open("/console")
    assert browser.path == "/console/sign-in"
    browser.send("/sign-in", name=browser.name, password=PASSWORD, status=401)


def test_a_new_password_signs_other_browsers_out(people: People) -> None:
    here = people.signed_in("ana", "viewer")
    there = people.browser()
    there.open("/console")
    there.send("/sign-in", name=here.name, password=PASSWORD)
    here.open("/console/password")
    here.send("/password", present=PASSWORD, new="other unusual words", again="other unusual words")

    assert "Your password was changed." in here.text
    there.open("/console")
    assert there.path == "/console/sign-in"


def test_the_audit_log_tells_who_came_and_went(people: People, database: sqlalchemy.Engine) -> None:
    browser = people.signed_in("ana", "viewer")
    name = browser.name
    browser.send("/sign-out")
    browser.send("/sign-in", name=name, password="wrong", status=401)

    assert audit(database, name) == [
        ("test", "user.add"),
        (f"user:{name}", "user.sign_in"),
        (f"user:{name}", "user.password"),
        (f"user:{name}", "user.sign_out"),
        ("console", "user.sign_in_refused"),
    ]


def test_passwords_and_sessions_are_stored_as_hashes(
    people: People, database: sqlalchemy.Engine
) -> None:
    browser = people.signed_in("ana", "viewer")
    with database.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT concat_ws(' ', u, s) AS words FROM users u JOIN sessions s ON s.user_id = u.id"
        )
        (stored,) = rows.scalars()

    assert "$argon2id$" in stored
    assert PASSWORD not in stored
    assert browser.client.cookies["ledgerbridge_session"] not in stored


ELSEWHERE = (
    *("https://evil.example/", "//evil.example", "/console@evil.example", "/console/../../evil"),
    *("/v1/log", "/console\r\nSet-Cookie: a=b", "javascript:alert(1)"),
)


def test_nobody_is_sent_elsewhere_after_signing_in(people: People) -> None:
    browser = people.signed_in("ana", "viewer")
    for elsewhere in ELSEWHERE:
        browser.send("/sign-out")
        browser.open(f"/console/sign-in?next={quote(elsewhere, safe='')}")
        form = browser.form("/sign-in")
        assert "next" not in form.fields

        fields = form.fields | {"name": browser.name, "password": PASSWORD, "next": elsewhere}
        answer = browser.client.post(form.url, data=fields, follow_redirects=False)

        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        browser.open("/console")


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """The cookies that are set, with their attributes."""
    return {one.partition("=")[0]: one for one in answer.headers.get_list("set-cookie")}


def test_cookies_are_for_this_site_alone(people: People) -> None:
    name, password = people.add("ana", "viewer")
    browser = people.browser()
    browser.open("/console/sign-in")
    form = browser.form("/sign-in")

    answer = browser.client.post(form.url, data=form.fields | {"name": name, "password": password})

    kept = cookies_of(answer)["ledgerbridge_session"]
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept
    assert "Path=/console" in kept
    assert "Secure" not in kept  # the tests' server has no TLS


def test_behind_https_cookies_travel_over_nothing_else(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, database: sqlalchemy.Engine
) -> None:
    assert database is not None
    monkeypatch.setenv("LEDGERBRIDGE_PUBLIC_URL", "https://bridge.example")

    with serve() as client:
        answer = client.get("/console/sign-in")

    assert "Secure" in cookies_of(answer)["ledgerbridge_browser"]


def test_names_of_people_are_unique_whatever_their_capitals(people: People) -> None:
    people.add("ana", "viewer")

    with pytest.raises(NotAllowedError, match="already"):
        people.add("ANA", "viewer")
