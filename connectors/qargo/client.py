"""Qargo's endpoints: one method each; and signing in, which is allowed five times an hour.

Source: the public OpenAPI description of the Qargo TMS API 1.2.0, read 2026-11-21.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from connectors.base import ConnectorConfig, SignedIn
from connectors.errors import OutcomeUnknown, ProtocolError, TokenRefused, Unavailable
from connectors.http import Http, json_of, timeout_of
from connectors.qargo.errors import TOKEN_REFUSED, classify, classify_sign_in
from connectors.qargo.settings import QargoCredentials
from connectors.qargo.wire import (
    USER_INPUT_ERROR,
    Listing,
    Task,
    TaskList,
    TaskRow,
    TaskUpdate,
    Token,
)

SIGN_IN_SECONDS = 15
TASKS = "/v1/accounting/sync-tasks"
TAX_RATES = "/v1/accounting/tax-rates"
ACCOUNTS = "/v1/accounting/accounts"

_Model = TypeVar("_Model", bound=BaseModel)


def credentials_of(config: ConnectorConfig) -> QargoCredentials:
    """The API client of a connection.

    Raises:
        TypeError: The credentials are another connector's.
    """
    if not isinstance(config.credentials, QargoCredentials):
        raise TypeError("the credentials are not Qargo's")
    return config.credentials


def sign_in(config: ConnectorConfig) -> SignedIn:
    """Buy an access token with the client id and secret: one request, never repeated.

    Raises:
        AuthorizationLost: Qargo does not accept them.
        RateLimited: Five times an hour are used up.
        Unavailable: It does not answer.
    """
    credentials = credentials_of(config)
    secret = credentials.secret_id.get_secret_value()
    basic = base64.b64encode(f"{credentials.client_id}:{secret}".encode()).decode()
    http = Http(
        config.http,
        config.base_url,
        config.scope,
        secrets=[secret, basic],
        classify=classify_sign_in,
        timeout=timeout_of(min(SIGN_IN_SECONDS, config.timeout_seconds)),
    )
    asked_at = datetime.now(UTC)
    try:
        response = http.write(
            "POST", "/v1/auth/token", headers={"Authorization": f"Basic {basic}"}, json={}
        )
        token = Token.model_validate(json_of(response, wrote=False))
    except OutcomeUnknown as error:
        # A token that never arrived does no harm; it only counts towards the five.
        raise Unavailable(error.message, code=error.code, http_status=error.http_status) from None
    except ValidationError:
        raise Unavailable(
            "Qargo's token endpoint gave an answer that cannot be read", code="unreadable_answer"
        ) from None
    lasts = token.expires_in
    return SignedIn(
        access_token=SecretStr(token.access_token),
        expires_at=None if lasts is None else asked_at + timedelta(seconds=lasts),
    )


class Client:
    """One connection's calls to Qargo."""

    def __init__(self, config: ConnectorConfig) -> None:
        self._token = config.access_token
        self._http = Http(
            config.http,
            config.base_url,
            config.scope,
            secrets=[credentials_of(config).secret_id.get_secret_value()],
            classify=classify,
            timeout=timeout_of(config.timeout_seconds),
            bearer=config.access_token,
            renew=config.renew,
        )

    def me(self) -> dict[str, Any]:
        """`GET /me`: who we are. An object; its members are not described."""
        body = json_of(self._read("/me"), wrote=False)
        return body if isinstance(body, dict) else {}

    def waiting(self, billing_entity_code: str) -> list[TaskRow]:
        """`GET /v1/accounting/sync-tasks`: what waits at one billing entity, all of it."""
        query = {"billing_entity_code": billing_entity_code}
        return _answer(TaskList, self._read(TASKS, query)).tasks

    def task(self, task_id: str) -> Task:
        """`GET /v1/accounting/sync-tasks/{id}`: one task with its document."""
        return _answer(Task, self._read(f"{TASKS}/{quote(task_id, safe='')}"))

    def page(self, path: str, billing_entity_code: str, cursor: str | None) -> Listing:
        """A page of tax rates or accounts; a cursor goes alone, without the filter."""
        query = {"cursor": cursor} if cursor else {"billing_entity_code": billing_entity_code}
        return _answer(Listing, self._read(path, query))

    def complete(self, task_id: str) -> None:
        """Report a task as done in the ledger."""
        self._report(task_id, {"status": "COMPLETED"})

    def fail(self, task_id: str, message: str) -> None:
        """Report that a person must correct the document; people in Qargo read the message."""
        failure = {"error_type": USER_INPUT_ERROR, "error_message": message}
        self._report(task_id, {"status": "FAILED", "failure": failure})

    def paid_state(self, kind: str, document_id: str, *, paid: bool) -> None:
        """Say that an invoice is paid or a credit note paid back, or that it is not (any more).

        `POST /v1/accounting/{kind}/{id}/payment/update-status`, for credit notes `refund/...`.
        """
        self._signed_in()
        refund = kind.endswith("credit-note")
        states = ("REFUNDED", "OPEN") if refund else ("PAID", "UNPAID")
        path = f"/v1/accounting/{kind}/{quote(document_id, safe='')}"
        self._http.write(
            "POST",
            f"{path}/{'refund' if refund else 'payment'}/update-status",
            json={"status": states[0] if paid else states[1]},
        )

    def _report(self, task_id: str, body: Mapping[str, Any]) -> None:
        """`POST /v1/accounting/sync-tasks/{id}/update-status`; it takes no billing entity."""
        self._signed_in()
        path = f"{TASKS}/{quote(task_id, safe='')}/update-status"
        response = self._http.write("POST", path, json=body)
        try:
            said = TaskUpdate.model_validate(json_of(response, wrote=True)).status
        except ValidationError:
            said = "something that cannot be read"
        if said != body["status"]:
            raise OutcomeUnknown(
                f"{body['status']} was reported, and Qargo answered with {said}",
                code="unexpected_status",
                http_status=response.status_code,
            )

    def _read(self, path: str, query: Mapping[str, str] | None = None) -> httpx.Response:
        self._signed_in()
        return self._http.read("GET", path, params=query)

    def _signed_in(self) -> None:
        if self._token is None:
            raise TokenRefused("there is no access token yet", code=TOKEN_REFUSED)


def _answer(model: type[_Model], response: httpx.Response) -> _Model:
    """Read an answer to a read.

    Raises:
        Unavailable: It is not JSON: something else speaks for Qargo.
        ProtocolError: It is, but not what the description says.
    """
    try:
        return model.model_validate(json_of(response, wrote=False))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ProtocolError(
            f"an answer of Qargo cannot be read ({response.url.path}, {where}: {first['msg']})",
            code="unreadable_answer",
            http_status=response.status_code,
        ) from None
