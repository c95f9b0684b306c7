"""Tryton over JSON-RPC: a session, the context of a company, and one method per kind of call.

Everything is a POST to one address, so it is the method that says whether a call may be repeated:
reads are, writes are sent exactly once. HTTP 401 is answered before a transaction begins, also
when a session is merely too old for what needs a fresh one (posting: five minutes by default),
so both are sent once more after a new login.
"""

import base64
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    ProtocolError,
    Unavailable,
)
from connectors.http import Http, json_of, server_time
from connectors.tryton.errors import login_error, refusal
from connectors.tryton.wire import Domain, Row, Values, decoded, encoded

BY_ID = (("id", "ASC"),)
_USER_AND_TOKEN = 2
_Row = TypeVar("_Row", bound=Row)


@dataclass(frozen=True)
class Rows:
    """What a search found, and when by the ledger's clock."""

    values: Sequence[Values]
    read_at: datetime | None


class Client:
    """One user's way into one company of one database."""

    def __init__(
        self, http: Http, *, database: str, login: str, password: str, company_id: int | None
    ) -> None:
        self._http = http
        self._database = database
        self._path = f"/{database}/rpc/"
        self._login = login
        self._password = password
        self._wanted_company = company_id
        self._session: str | None = None
        self._context: Values | None = None
        self._lock = threading.Lock()

    # The session and its context.

    @property
    def company(self) -> int:
        """Tryton's id of the company whose books these are."""
        company: int = self.context["company"]
        return company

    @property
    def context(self) -> Values:
        """What Tryton wants to be told with every call: company, groups, language ..."""
        if self._context is None:
            preferences = self._called("model.res.user.get_preferences", [True, {}], wrote=False)
            if not isinstance(preferences, dict):
                raise _not_trytons(wrote=False)
            self._context = _context(preferences, self._wanted_company, self._login)
        return self._context

    def forget_context(self) -> None:
        """Ask again who we are when it is next needed."""
        self._context = None

    def _header(self) -> str:
        with self._lock:
            if self._session is None:
                self._session = self._logged_in()
            return self._session

    def _logged_in(self) -> str:
        if not self._database:
            raise AuthorizationLost(
                "it is not said which database: name it in the settings or at the end of the "
                "address",
                code="no_database",
            )
        parameters = [self._login, {"password": self._password}]
        try:
            # A second session does no harm: logging in may be repeated.
            response = self._send("common.db.login", parameters, wrote=False, session=None)
            answer = self._result(response, wrote=False)
        except ConnectorError as error:
            raise login_error(error, login=self._login, database=self._database) from None
        if not isinstance(answer, list) or len(answer) < _USER_AND_TOKEN:
            raise _not_trytons(wrote=False)
        user, token, *_ = answer
        secret = f"{self._login}:{user}:{token}".encode()
        return f"Session {base64.b64encode(secret).decode('ascii')}"

    # Calls.

    def read(self, method: str, *params: Any, **context: Any) -> Any:
        """Call a method that changes nothing."""
        return self._called(method, [*params, {**self.context, **context}], wrote=False)

    def write(self, method: str, *params: Any, **context: Any) -> Any:
        """Call a method that changes something, once.

        Raises:
            Rejected: Tryton refused; the whole call had no effect.
            ServerFailed: Tryton failed; what it left can be looked up at once.
            OutcomeUnknown: There was no answer that says what became of it.
        """
        return self._called(method, [*params, {**self.context, **context}], wrote=True)

    def _called(self, method: str, params: list[Any], *, wrote: bool) -> Any:
        response = self._sent(method, params, wrote=wrote)
        return self._result(response, wrote=wrote)

    def _sent(self, method: str, params: list[Any], *, wrote: bool) -> httpx.Response:
        session = self._header()
        try:
            return self._send(method, params, wrote=wrote, session=session)
        except AuthorizationLost as error:
            if error.http_status != httpx.codes.UNAUTHORIZED:
                raise
        with self._lock:
            if self._session == session:
                self._session = None
        return self._send(method, params, wrote=wrote, session=self._header())

    def _send(
        self, method: str, params: list[Any], *, wrote: bool, session: str | None
    ) -> httpx.Response:
        body = {"id": 1, "method": method, "params": params}
        send = self._http.write if wrote else self._http.read
        return send(
            "POST",
            self._path,
            headers={
                "Content-Type": "application/json",
                **({"Authorization": session} if session else {}),
            },
            content=json.dumps(body, default=encoded),
        )

    def _result(self, response: httpx.Response, *, wrote: bool) -> Any:
        answer = json_of(response, wrote=wrote)
        if isinstance(answer, dict) and "error" in answer:
            error = refusal(answer["error"], wrote=wrote)
            error.message = self._http.redact(error.message)
            error.args = (error.message,)
            if error.cause is not None:
                words = {name: self._http.redact(word) for name, word in error.cause.words.items()}
                error.cause = replace(error.cause, words=words)
            raise error
        if not isinstance(answer, dict) or "result" not in answer:
            raise _not_trytons(wrote=wrote)
        try:
            return decoded(answer["result"])
        except (KeyError, ValueError, TypeError, ArithmeticError):
            raise _not_trytons(wrote=wrote) from None

    # What the connector asks for.

    def rows(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[Sequence[str]] = BY_ID,
        **context: Any,
    ) -> Rows:
        """Read the fields of all records that match."""
        params = [domain, 0, limit, [list(part) for part in order], list(fields)]
        params.append({**self.context, **context})
        response = self._sent(f"model.{model}.search_read", params, wrote=False)
        found = self._result(response, wrote=False)
        if not isinstance(found, list) or not all(
            isinstance(row, dict) and isinstance(row.get("id"), int) for row in found
        ):
            raise _not_trytons(wrote=False)
        return Rows(found, server_time(response.headers))

    def all(
        self,
        kind: type[_Row],
        model: str,
        domain: Domain,
        *,
        order: Sequence[Sequence[str]] = BY_ID,
    ) -> list[_Row]:
        """Read all records that match, archived ones too, as wire models."""
        rows = self.rows(model, domain, kind.FIELDS, order=order, active_test=False)
        try:
            return [kind.model_validate(values) for values in rows.values]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ProtocolError(f"{model} cannot be read: {where}: {first['msg']}") from None

    def create(self, model: str, values: Sequence[Values], **context: Any) -> list[int]:
        """Create records in one transaction: all or none; their ids in the same order."""
        made = self.write(f"model.{model}.create", list(values), **context)
        if (
            not isinstance(made, list)
            or len(made) != len(values)
            or not all(isinstance(one, int) for one in made)
        ):
            raise OutcomeUnknown("Tryton did not name every record that it made", code="bug")
        ids: list[int] = made
        return ids

    def update(self, model: str, changes: Sequence[tuple[int, Values]], **context: Any) -> None:
        """Write different values to several records in one transaction."""
        pairs: list[Any] = []
        for record, values in changes:
            pairs += [[record], values]
        self.write(f"model.{model}.write", *pairs, **context)

    def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """Press a button on several records at once: `post`, `cancel`, `delete`."""
        self.write(f"model.{model}.{button}", list(ids))


def _not_trytons(*, wrote: bool) -> ConnectorError:
    """Something else answers in its place, or it is no Tryton that we know."""
    kind = OutcomeUnknown if wrote else Unavailable
    return kind("the answer is not Tryton's", code="unreadable_answer")


def _context(preferences: Values, wanted: int | None, login: str) -> Values:
    """The context of the user's preferences, for the company that is wanted.

    Raises:
        AuthorizationLost: The user does not work in that company.
    """
    companies = preferences.get("companies")
    company = wanted if wanted is not None else preferences.get("company")
    if not isinstance(companies, list) or company is None or company not in companies:
        which = f"company {wanted}" if wanted is not None else "any company"
        raise AuthorizationLost(
            f"the user {login!r} does not work in {which} of this Tryton", code="no_company"
        )
    kept = {
        name: value
        for name, value in preferences.items()
        if "." not in name and name not in {"locale", "language_direction"}
    }
    return {**kept, "company": company, "company_filter": "one"}
