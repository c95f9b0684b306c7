"""Apideck's operations: lists, single objects, and the three ways to write one.

What a ledger turns out not to support (filters, orders, pages, keys) is remembered for as long as
the client lives, so that each is tried once.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from pydantic import ValidationError

from connectors.apideck import errors
from connectors.apideck.services import KEYED, UNDATED, Resource, Service, service
from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.apideck.wire import CompanyInfo, VaultConnection, Warned, Wire
from connectors.base import ConnectorConfig
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from connectors.http import Http, json_of, server_time, timeout_of
from models.canonical.money import plain

UNIFY = "unify.apideck.com"
LONG_RUNNING = "longrun.apideck.com"
_CEILINGS = {False: 32.0, True: 125.0}
"""Seconds: a little more than a host takes at most, so that no write is given up that goes on."""

Values = Mapping[str, Any]
Filters = Mapping[str, str]
_Wire = TypeVar("_Wire", bound=Wire)


@dataclass(frozen=True)
class Rows:
    """One page of a list, as JSON has it."""

    values: Sequence[Values]
    next: str | None
    """The cursor of the next page; None: this is the last one."""
    warnings: Sequence[str] = ()
    moment: datetime | None = None
    """Apideck's clock."""


@dataclass(frozen=True)
class Made:
    """What a creation answers: the id, and nothing else."""

    id: str
    request_id: str | None


class Client:
    """One connection's calls to Apideck."""

    def __init__(self, config: ConnectorConfig) -> None:
        credentials, settings = config.credentials, config.settings
        if not isinstance(credentials, ApideckCredentials) or not isinstance(
            settings, ApideckSettings
        ):
            raise TypeError("credentials and settings are not Apideck's")
        self.settings = settings
        self.service: Service = service(settings.service_id)
        key = credentials.api_key.get_secret_value()
        self._http = Http(
            config.http,
            _host(config.base_url, long_running=settings.long_running),
            config.scope,
            secrets=[key],
            classify=errors.error_in,
            timeout=timeout_of(min(config.timeout_seconds, _CEILINGS[settings.long_running])),
        )
        self._headers = {
            "Authorization": f"Bearer {key}",
            "x-apideck-app-id": credentials.app_id,
            "x-apideck-consumer-id": credentials.consumer_id,
        }
        if settings.service_id:
            self._headers["x-apideck-service-id"] = settings.service_id
        if settings.company_id:
            self._headers["x-apideck-company-id"] = settings.company_id
        self._welcome = False
        """Whether Apideck has let us in: a 401 after that may be a passing one."""
        self._unfiltered = set(self.service.whole)
        self._unsorted = set(UNDATED | {Resource.ITEMS} | self.service.unsorted)
        self._unpaged = set(self.service.unpaged)
        self._unfit: set[tuple[Resource, str]] = set()
        self._without_keys = set() if self.service.keys else set(KEYED)

    # Reading.

    def company_info(self) -> CompanyInfo:
        """Whose books these are."""
        return _valid(CompanyInfo, self._one("/accounting/company-info"))

    def vault_connection(self) -> VaultConnection | None:
        """What Apideck knows of the connection to the ledger; None without a named service."""
        if not self.settings.service_id:
            return None
        path = f"/vault/connections/accounting/{quote(self.settings.service_id, safe='')}"
        return _valid(VaultConnection, self._one(path))

    def one(self, resource: Resource, row_id: str) -> Values:
        """One object.

        Raises:
            Conflict: It is not there.
        """
        return self._one(_path(resource, row_id))

    def _one(self, path: str) -> Values:
        response = self._read(path, {})
        body = json_of(response, wrote=False)
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise _odd("the object")
        return data

    def page(
        self,
        resource: Resource,
        filters: Filters,
        *,
        cursor: str | None = None,
        by_change: bool = True,
        newest_first: bool = False,
    ) -> Rows:
        """One page of a list, in the order of changes where it has one."""
        while True:
            try:
                return self._page(
                    resource,
                    self._fitting(resource, filters),
                    cursor,
                    by="updated_at" if by_change else "created_at",
                    newest_first=newest_first,
                )
            except errors.CannotSort:
                if resource in self._unsorted:
                    raise
                self._unsorted.add(resource)
            except errors.CannotPage:
                if resource in self._unpaged:
                    raise
                self._unpaged.add(resource)
            except errors.CannotFilter:
                if not self._adapted(resource, filters):
                    raise

    def _adapted(self, resource: Resource, filters: Filters) -> bool:
        """Leave out the filters of a request that was refused; whether there was one."""
        sent = self._fitting(resource, filters)
        if not sent:
            return False
        if "updated_since" in sent:
            self._unfiltered.add(resource)
            return True
        self._unfit |= {(resource, name) for name in sent}
        return True

    def _fitting(self, resource: Resource, filters: Filters) -> dict[str, str]:
        return {
            name: value
            for name, value in filters.items()
            if (resource, name) not in self._unfit
            and not (name == "updated_since" and resource in self._unfiltered)
        }

    def _page(
        self,
        resource: Resource,
        filters: Filters,
        cursor: str | None,
        *,
        by: str,
        newest_first: bool,
    ) -> Rows:
        query = {f"filter[{name}]": value for name, value in filters.items()}
        if resource not in self._unsorted:
            query["sort[by]"] = by
            query["sort[direction]"] = "desc" if newest_first else "asc"
        if resource not in self._unpaged:
            query["limit"] = str(self.service.page_size)
            if cursor:
                query["cursor"] = cursor
        response = self._read(f"/accounting/{resource.value}", query)
        return _rows(response, resource)

    def pages(
        self, resource: Resource, filters: Filters, *, newest_first: bool = False
    ) -> Iterator[Rows]:
        """A whole list, page by page, for look-ups.

        Raises:
            Transient: A part of it is missing: it proves nothing.
        """
        cursor, known = None, set[str]()
        while True:
            try:
                rows = self.page(
                    resource, filters, cursor=cursor, by_change=False, newest_first=newest_first
                )
            except errors.BadCursor as error:
                raise errors.incomplete(resource.value, error.message) from None
            if rows.warnings:
                raise errors.incomplete(resource.value, rows.warnings[0])
            yield rows
            if rows.next is None:
                return
            if rows.next in known:
                raise errors.loops(resource.value)
            known.add(rows.next)
            cursor = rows.next

    def _read(self, path: str, query: Mapping[str, str]) -> httpx.Response:
        def send() -> httpx.Response:
            return self._http.read("GET", path, headers=self._headers, params=dict(query))

        return self._let_in(send)

    def _let_in(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send; once more after one unexpected 401, which did nothing.

        Calls that meet while Apideck renews a ledger's token get a 401 now and then (guide on
        the refresh-token race condition).
        """
        try:
            response = send()
        except AuthorizationLost as error:
            if not self._welcome or error.cause is not None:
                raise
            self._welcome = False
            response = send()
        self._welcome = True
        return response

    # Writing.

    def create(self, resource: Resource, body: Values, key: str) -> Made:
        """Create an object; under a key where this operation and this ledger take one.

        Raises:
            Unsupported: It is not written, because the ledger honours no keys: look whether an
                earlier try was, then call again.
        """
        headers = {"Idempotency-Key": key} if key and self.takes_keys(resource) else {}
        try:
            response = self._write(
                "POST",
                f"/accounting/{resource.value}",
                self._told(resource, "create", body),
                headers,
            )
        except ConnectorError as error:
            if error.code == errors.KEY_NOT_TAKEN:
                self._without_keys.add(resource)
            raise
        return _made(response)

    def takes_keys(self, resource: Resource) -> bool:
        """Whether a creation is protected by a key."""
        return resource in KEYED and resource not in self._without_keys

    def update(self, resource: Resource, row_id: str, body: Values, key: str = "") -> None:
        """Change some fields of an object."""
        keyed = key and resource is Resource.INVOICES and self.takes_keys(resource)
        headers = {"Idempotency-Key": key} if keyed else {}
        told = self._told(resource, "update", body)
        try:
            self._write("PATCH", _path(resource, row_id), told, headers)
        except ConnectorError as error:
            if error.code != errors.KEY_NOT_TAKEN:
                raise
            # Nothing was written, and saying an update twice does no harm.
            self._without_keys.add(resource)
            self._write("PATCH", _path(resource, row_id), told, {})

    def delete(self, resource: Resource, row_id: str) -> None:
        """Take an object out of the books; one that is gone already is no error."""
        try:
            self._write("DELETE", _path(resource, row_id), None, {})
        except Rejected as error:
            if not errors.is_gone(error):
                raise

    def _told(self, resource: Resource, verb: str, body: Values) -> Values:
        """The body with what the settings pass through to the ledger."""
        extra = self.settings.pass_through.get(f"{resource.value}.{verb}")
        if extra is None or not self.settings.service_id:
            return body
        passed = extra.model_dump(exclude_none=True, exclude_defaults=True, mode="json")
        return {**body, "pass_through": [{"service_id": self.settings.service_id, **passed}]}

    def _write(
        self, method: str, path: str, body: Values | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        content: dict[str, Any] = {} if body is None else {"content": _as_json(body)}
        kind = {} if body is None else {"Content-Type": "application/json"}

        def send() -> httpx.Response:
            return self._http.write(
                method, path, headers={**self._headers, **kind, **headers}, **content
            )

        return self._let_in(send)


def _host(base_url: str, *, long_running: bool) -> str:
    parts = urlsplit(base_url)
    if long_running and parts.hostname == UNIFY:
        return urlunsplit(parts._replace(netloc=LONG_RUNNING))
    return base_url


def _path(resource: Resource, row_id: str) -> str:
    return f"/accounting/{resource.value}/{quote(row_id, safe='')}"


def _rows(response: httpx.Response, resource: Resource) -> Rows:
    body = json_of(response, wrote=False)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise _odd(f"the list of {resource.value}")
    meta = body.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    cursors = meta.get("cursors")
    cursor = cursors.get("next") if isinstance(cursors, dict) else None
    warnings = meta.get("warnings")
    return Rows(
        data,
        str(cursor) if cursor else None,
        [_warning(one) for one in warnings] if isinstance(warnings, list) else [],
        server_time(response.headers),
    )


def _warning(value: Any) -> str:
    try:
        warned = Warned.model_validate(value)
    except ValidationError:
        return "a warning that cannot be read"
    return warned.message or warned.error or warned.type or "a warning without words"


def _made(response: httpx.Response) -> Made:
    body = json_of(response, wrote=True)
    data = body.get("data") if isinstance(body, dict) else None
    row_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(row_id, str) or not row_id:
        raise OutcomeUnknown("Apideck did not name what it wrote", code="no_id")
    return Made(row_id, errors.request_id_of(response.headers))


def _odd(what: str) -> Unavailable:
    return Unavailable(f"{what} is missing in Apideck's answer", code="unreadable_answer")


def _valid(cls: type[_Wire], values: Values) -> _Wire:
    try:
        return cls.model_validate(values)
    except ValidationError:
        raise _odd(f"a readable {cls.__name__}") from None


def _as_json(body: Values) -> bytes:
    """A body with exact numbers: amounts are JSON numbers, and no float comes near them."""
    return _json(body).encode()


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        parts = (f"{json.dumps(str(name))}:{_json(part)}" for name, part in value.items())
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False)
