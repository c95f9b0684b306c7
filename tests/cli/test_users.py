"""People who sign in to the console: made, listed, changed and ended from the command line."""

from tests.cli.conftest import Run


def test_a_one_time_password_is_printed_once(ledgerbridge: Run, connection: str) -> None:
    assert connection

    added = ledgerbridge("users", "add", "ana", "--role", "bookkeeper")
    (listed,) = ledgerbridge("users", "list", "--json").rows

    assert (added.code, len(added.out.strip())) == (0, 23)
    assert "choose another at http://127.0.0.1:8000/console" in added.err
    assert (listed["name"], listed["role"], listed["organisation"]) == (
        "ana",
        "bookkeeper",
        "Acme",
    )
    assert added.out.strip() not in ledgerbridge("users", "list", "--json").out


def test_the_organisation_is_named_where_there_are_several(
    ledgerbridge: Run, connection: str
) -> None:
    assert connection
    ledgerbridge(
        *("entities", "add", "--organisation", "Rival", "--code", "UK", "--legal-name", "Rival Ltd")
    )

    unclear = ledgerbridge("users", "add", "rita", "--role", "viewer")
    unknown = ledgerbridge("users", "add", "rita", "--role", "viewer", "--organisation", "Nobody")
    added = ledgerbridge(
        *("users", "add", "rita", "--role", "viewer", "--organisation", "Rival", "--json")
    )

    assert (unclear.code, "say --organisation (Acme, Rival)" in unclear.err) == (2, True)
    assert (unknown.code, "no organisation 'Nobody'" in unknown.err) == (1, True)
    (made,) = added.rows
    assert made["one_time_password"]
    assert made["console"].endswith("/console")


def test_a_person_gets_another_role_a_new_password_and_an_end(
    ledgerbridge: Run, connection: str
) -> None:
    assert connection
    first = ledgerbridge("users", "add", "ana", "--role", "viewer").out

    changed = ledgerbridge("users", "role", "ANA", "administrator")
    (listed,) = ledgerbridge("users", "list", "--json").rows
    again = ledgerbridge("users", "reset", "ana").out
    removed = ledgerbridge("users", "remove", "ana")
    twice = ledgerbridge("users", "remove", "ana")
    taken = ledgerbridge("users", "add", "ana", "--role", "viewer")

    assert (changed.code, listed["role"]) == (0, "administrator")
    assert again not in {"", first}
    assert removed.code == 0
    assert (twice.code, "no user 'ana'" in twice.err) == (1, True)
    assert (taken.code, "already, or was one" in taken.err) == (1, True)
    assert ledgerbridge("users", "list", "--json").rows == []
