"""What Tryton's refusals mean: bodies as trytond 8.2.1 sent them."""

from typing import Any

import httpx
import pytest

from connectors.errors import (
    AuthorizationLost,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    Rejected,
    Unavailable,
)
from connectors.tryton.errors import ServerFailed, error_in, login_error, refusal

NO_PERIOD = [
    "UserError",
    ['To continue, you must create a period for the date "12/05/2022".', "", None],
]
NOT_ALLOWED = [
    "UserError",
    [
        'You are not allowed to access "Product Template".',
        "Within groups: Party Administration, Accounting",
        None,
    ],
]
PAST = [
    "UserWarning",
    [
        "6b40c4184858405d3475fe9f59ca90c1.invoice_payment_term",
        'The invoice "T2026-00003" generates a payment date "10/25/2026" in the past.',
        "",
    ],
]


class TestRefusal:
    @pytest.mark.parametrize(
        ("error", "wrote", "kind", "message"),
        [
            (NO_PERIOD, True, Rejected, NO_PERIOD[1][0]),
            (NOT_ALLOWED, True, Rejected, f"{NOT_ALLOWED[1][0]} {NOT_ALLOWED[1][1]}"),
            (PAST, True, Rejected, PAST[1][1]),
            (
                ["ConcurrencyException", "Records were modified in the meanwhile"],
                True,
                Conflict,
                "somebody changed it in Tryton in the meantime",
            ),
            (
                ["LoginException", ["password", "Password for sync", "password"]],
                False,
                AuthorizationLost,
                "Tryton asks for more than a user name and a password",
            ),
            (["'nope'", ""], True, ServerFailed, "Tryton failed: 'nope'"),
            (["'nope'", ""], False, ProtocolError, "Tryton failed: 'nope'"),
            ([], True, ServerFailed, "Tryton failed: []"),
            (["UserError"], True, Rejected, "no reason given"),
        ],
    )
    def test_error_body_means(
        self, error: Any, wrote: bool, kind: type[ConnectorError], message: str
    ) -> None:
        found = refusal(error, wrote=wrote)

        assert (type(found), found.message) == (kind, message)

    def test_question_is_grouped_by_what_is_asked(self) -> None:
        cause = refusal(PAST, wrote=True).cause

        assert cause is not None
        assert (cause.code, cause.subject) == ("ledger_question", "invoice_payment_term")
        assert cause.words == {"question": PAST[1][1]}


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "wrote", "kind"),
        [
            (401, True, AuthorizationLost),
            (403, True, PermissionDenied),
            (404, False, AuthorizationLost),
            (400, True, ProtocolError),
            (500, True, OutcomeUnknown),
            (500, False, Unavailable),
            (503, True, OutcomeUnknown),
        ],
    )
    def test_status_means(self, status: int, wrote: bool, kind: type[ConnectorError]) -> None:
        found = error_in(httpx.Response(status), wrote)

        assert type(found) is kind

    def test_good_answer_is_none(self) -> None:
        assert error_in(httpx.Response(200), True) is None

    def test_file_names_of_the_server_are_not_passed_on(self) -> None:
        page = "<p>unable to open database file /srv/tryton/books.sqlite</p>"

        found = error_in(httpx.Response(503, text=page), False)

        assert found is not None
        assert found.message == "Tryton answered HTTP 503 (Service Unavailable)"

    def test_missing_database_is_no_unknown_outcome(self) -> None:
        page = "<p>Database &#39;/srv/books.sqlite&#39; doesn&#39;t exist!</p>"

        found = error_in(httpx.Response(503, text=page), True)

        assert isinstance(found, AuthorizationLost)
        said = login_error(found, login="sync", database="books").message
        assert said == "there is no database 'books' on this Tryton server"
