"""Credentials for programs: made, listed and ended from the command line."""

from tests.cli.conftest import Run


def test_a_credential_of_a_connection_is_shown_once(ledgerbridge: Run, connection: str) -> None:
    added = ledgerbridge("clients", "add", "--connection", connection, "--name", "export")
    (made,) = added.rows

    (listed,) = ledgerbridge("clients", "list", "--json").rows

    assert "not shown again" in added.err
    assert listed["id"] == made["client_id"]
    assert (listed["kind"], listed["name"]) == ("integration", "export")
    assert made["client_secret"] not in ledgerbridge("clients", "list", "--json").out


def test_a_credential_of_an_organisation_may_be_given_more(
    ledgerbridge: Run, connection: str
) -> None:
    assert connection

    ledgerbridge("clients", "add", "--organisation", "Acme", "--scope", "manage")

    (listed,) = ledgerbridge("clients", "list", "--json").rows
    assert (listed["kind"], listed["scopes"]) == ("organisation", ["manage"])


def test_a_revoked_credential_stays_in_the_list(ledgerbridge: Run, connection: str) -> None:
    (made,) = ledgerbridge("clients", "add", "--connection", connection).rows

    revoked = ledgerbridge("clients", "revoke", made["client_id"][-8:])
    again = ledgerbridge("clients", "revoke", made["client_id"])

    (listed,) = ledgerbridge("clients", "list", "--json").rows
    assert revoked.code == 0
    assert listed["revoked_at"] is not None
    assert (again.code, "can be revoked" in again.err) == (1, True)


def test_what_does_not_fit_is_said(ledgerbridge: Run, connection: str) -> None:
    neither = ledgerbridge("clients", "add")
    unknown = ledgerbridge("clients", "add", "--organisation", "Nobody")
    scope = ledgerbridge("clients", "add", "--organisation", "Acme", "--scope", "everything")

    assert connection
    assert (neither.code, unknown.code, scope.code) == (2, 1, 2)
    assert "there is no organisation 'Nobody'" in unknown.err
    assert "known are manage" in scope.err
