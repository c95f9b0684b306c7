"""One connection's calls to Xero: which organisation, lists page by page, and batches.

`summarizeErrors=false` makes Xero answer for each element; `unitdp=4` keeps four decimals of
prices, on reads and on writes (Accounting API, "requests and responses", 2026).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import TypeAdapter, ValidationError

from connectors.auth import OAuthTokens
from connectors.base import ConnectorConfig
from connectors.errors import (
    ActionRequired,
    Cause,
    OutcomeUnknown,
    Unavailable,
)
from connectors.http import Http, json_of, server_time, timeout_of
from connectors.xero import errors
from connectors.xero.settings import XeroSettings
from connectors.xero.values import as_json, moment, since_header
from connectors.xero.wire import Tenant

API = "/api.xro/2.0"
PAGE_SIZE = 1000
BATCH_SIZE = 50
IDS_AT_ONCE = 40
"""Addresses have a length; Xero recommends no more ids in one."""
_PRICED = frozenset({"Invoices", "CreditNotes", "Items", "Overpayments", "Prepayments"})
"""Endpoints that know `unitdp`."""
_ROWS = {"Organisation": "Organisations"}
_TENANTS: TypeAdapter[list[Tenant]] = TypeAdapter(list[Tenant])

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """One page of a list, as JSON has it."""

    values: Sequence[Values]
    more: bool
    """Whether there are further pages of the same question."""
    moment: datetime | None
    """Xero's clock."""


@dataclass(frozen=True)
class Written:
    """What a write answered: one element for each that was sent, in order."""

    elements: Sequence[Values]
    request_id: str | None
    http_status: int


class Client:
    """Speaks for one organisation."""

    def __init__(self, config: ConnectorConfig) -> None:
        credentials, settings = config.credentials, config.settings
        if not isinstance(credentials, OAuthTokens) or not isinstance(settings, XeroSettings):
            raise TypeError("credentials and settings are not Xero's")
        self.settings = settings
        self.memo = config.scope.memo
        self._token = config.access_token or credentials.access_token
        refresh = credentials.refresh_token
        self.http = Http(
            config.http,
            config.base_url,
            config.scope,
            secrets=[
                credentials.access_token.get_secret_value(),
                refresh.get_secret_value() if refresh else "",
            ],
            classify=errors.error_in,
            timeout=timeout_of(config.timeout_seconds),
            bearer=self._token,
            renew=config.renew,
        )
        self._known = config.organisation_id
        self._tenant: Tenant | None = None

    # Whose books.

    @property
    def tenant_id(self) -> str:
        """The organisation that calls are about."""
        return self._known or self.tenant().tenantId

    def tenant_id_anew(self) -> str:
        """The same; where nobody has connected it yet, it is looked for again."""
        return self._known or self.tenant(anew=True).tenantId

    def tenant(self, *, anew: bool = False) -> Tenant:
        """The organisation, as the list of connections has it; asked for once, or anew.

        Raises:
            AuthorizationLost: It is not connected any more.
            ActionRequired: Several are, and nobody has said which one is meant.
        """
        if self._tenant is None or anew:
            self._tenant = self._chosen()
        return self._tenant

    def _chosen(self) -> Tenant:
        if self._known:
            for one in self.tenants():
                if one.tenantId == self._known:
                    return one
            raise errors.not_connected("the organisation is not connected to this app any more")
        wanted = self.settings.organisation
        if wanted:
            tenants = self.tenants()
            fitting = [one for one in tenants if wanted in {one.tenantId, one.tenantName}]
            if len(fitting) == 1:
                return fitting[0]
            problem = "opens no single organisation of that name or id"
            raise _unnamed(f"the consent {problem} ({wanted})", tenants)
        # What came with this consent; the token may open others that were connected before.
        event = consent_of(self._token.get_secret_value())
        tenants = self.tenants(event) if event else []
        tenants = tenants or self.tenants()
        if len(tenants) == 1:
            return tenants[0]
        if not tenants:
            raise errors.not_connected("the consent opens no organisation")
        raise _unnamed("the consent opens several organisations", tenants)

    def tenants(self, event: str = "") -> list[Tenant]:
        """The organisations that the token opens, or those that came with one consent."""
        query = f"?authEventId={quote(event, safe='')}" if event else ""
        headers = {"Accept": "application/json"}
        response = self.http.read("GET", f"/connections{query}", headers=headers)
        try:
            found = _TENANTS.validate_python(json_of(response, wrote=False))
        except ValidationError:
            raise _odd("the list of organisations") from None
        return [one for one in found if one.tenantType == "ORGANISATION"]

    def disconnect(self, tenant: Tenant) -> None:
        """End the connection to one organisation, not the consent."""
        self.http.write("DELETE", f"/connections/{quote(tenant.id, safe='')}")

    # Reading.

    def page(
        self,
        endpoint: str,
        query: Mapping[str, str],
        *,
        number: int | None = None,
        since: datetime | None = None,
    ) -> Rows:
        """A page of a list; the whole of it where `number` is None."""
        asked = dict(query)
        if number is not None:
            asked |= {"page": str(number), "pageSize": str(PAGE_SIZE)}
        if endpoint in _PRICED:
            asked["unitdp"] = "4"
        headers = {"If-Modified-Since": since_header(since)} if since else {}
        response = self.http.read("GET", _path(endpoint, asked), headers=self._headers(headers))
        return _rows(response, endpoint, number)

    def one(self, endpoint: str, row_id: str) -> Values:
        """One object.

        Raises:
            Rejected: It does not exist; its `code` is `errors.GONE`.
        """
        path = _path(f"{endpoint}/{quote(row_id, safe='')}", {})
        response = self.http.read("GET", path, headers=self._headers({}))
        rows = _rows(response, endpoint, None)
        if len(rows.values) != 1:
            raise _odd(f"one of {endpoint}")
        return rows.values[0]

    # Writing.

    def write(
        self, method: str, endpoint: str, bodies: Sequence[Values], keys: Sequence[str]
    ) -> Written:
        """Write a batch; each element is answered for by itself.

        Raises:
            OutcomeUnknown: The answer does not say what became of the elements.
        """
        query = {"summarizeErrors": "false"}
        if endpoint in _PRICED:
            query["unitdp"] = "4"
        return self._written(method, _path(endpoint, query), endpoint, {endpoint: bodies}, keys)

    def write_one(self, endpoint: str, row_id: str, body: Values, keys: Sequence[str]) -> Written:
        """Change one object at its own address."""
        path = _path(f"{endpoint}/{quote(row_id, safe='')}", {})
        return self._written("POST", path, endpoint, body, keys)

    def _written(
        self, method: str, path: str, endpoint: str, body: Values, keys: Sequence[str]
    ) -> Written:
        headers = {"Content-Type": "application/json"}
        if any(keys):
            headers["Idempotency-Key"] = call_key(keys)
        response = self.http.write(
            method, path, headers=self._headers(headers), content=as_json(body).encode()
        )
        answer = json_of(response, wrote=True)
        rows = answer.get(endpoint) if isinstance(answer, dict) else None
        request_id = response.headers.get("xero-correlation-id")
        sent = body.get(endpoint, (body,))
        if not isinstance(rows, list) or len(rows) != len(sent) or not _are_objects(rows):
            raise OutcomeUnknown(
                f"Xero did not answer for every one of {len(sent)} {endpoint}",
                code="unreadable_answer",
                http_status=response.status_code,
                request_id=request_id,
            )
        return Written(rows, request_id, response.status_code)

    def _headers(self, others: Mapping[str, str]) -> dict[str, str]:
        return {"Accept": "application/json", "xero-tenant-id": self.tenant_id, **others}


def call_key(keys: Sequence[str]) -> str:
    """The key of a call: the same for the same records in the same order, and for no others."""
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()


def consent_of(token: str) -> str:
    """Which consent a token came with; empty where it does not say.

    Nothing is trusted because of it: it only narrows a list that Xero gives.
    """
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims.get("authentication_event_id") or "")
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""


def _unnamed(why: str, tenants: Sequence[Tenant]) -> ActionRequired:
    names = ", ".join(sorted(one.tenantName or one.tenantId for one in tenants)) or "none"
    message = f"{why}: name one in the setting `organisation`, of {names}"
    cause = Cause("organisation_not_named", names, {"names": names, "message": message})
    return ActionRequired(message, code="organisation_not_named", cause=cause)


def _path(place: str, query: Mapping[str, str]) -> str:
    """An address whose query survives whatever is in it; commas between ids stay short."""
    asked = urlencode(query, quote_via=quote, safe=",")
    return f"{API}/{place}{'?' if asked else ''}{asked}"


def _are_objects(rows: Sequence[object]) -> bool:
    return all(isinstance(one, dict) for one in rows)


def _rows(response: httpx.Response, endpoint: str, number: int | None) -> Rows:
    body = json_of(response, wrote=False)
    rows = body.get(_ROWS.get(endpoint, endpoint)) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not _are_objects(rows):
        raise _odd(endpoint)
    return Rows(rows, number is not None and _more(body, rows, number), _clock(body, response))


def _more(body: Values, rows: Sequence[Values], number: int) -> bool:
    """Whether there is a page behind this one."""
    counted = body.get("pagination")
    if isinstance(counted, dict) and isinstance(counted.get("pageCount"), int):
        return bool(rows) and number < counted["pageCount"]
    return len(rows) >= PAGE_SIZE


def _clock(body: Values, response: httpx.Response) -> datetime | None:
    try:
        return moment(body["DateTimeUTC"])
    except (KeyError, ValueError):
        return server_time(response.headers)


def _odd(what: str) -> Unavailable:
    return Unavailable(f"{what} cannot be read in Xero's answer", code="unreadable_answer")
