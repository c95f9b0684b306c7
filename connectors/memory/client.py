"""The plain ledger's endpoints: one method each. README.md describes them."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from connectors.base import ConnectorConfig, Period, SignedIn
from connectors.errors import OutcomeUnknown, Unavailable
from connectors.http import Http, timeout_of
from connectors.memory.errors import classify
from connectors.memory.wire import Found, Listed, Organisation, Problem, Results, Summary, Token
from models.canonical import ObjectType

Wire = Mapping[str, Any]

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Written:
    """The answer to a batch: one result per item."""

    results: Sequence[Problem | Summary]
    request_id: str | None = None


def sign_in(config: ConnectorConfig, client_id: str, secret: SecretStr) -> SignedIn:
    """POST /sign-in: a token for an id and a secret."""
    pair = f"{quote(client_id, safe='')}:{quote(secret.get_secret_value(), safe='')}"
    basic = base64.b64encode(pair.encode()).decode()
    http = Http(
        config.http,
        config.base_url,
        config.scope,
        secrets=[secret.get_secret_value(), basic],
        classify=classify,
        timeout=timeout_of(config.timeout_seconds),
    )
    asked_at = datetime.now(UTC)
    # A write, because it is not to be repeated: the ledger counts tokens.
    response = http.write("POST", "/sign-in", headers={"Authorization": f"Basic {basic}"})
    token = _read(Token, response)
    lasts = token.expires_in
    return SignedIn(
        SecretStr(token.access_token),
        None if lasts is None else asked_at + timedelta(seconds=lasts),
    )


class Client:
    """One connection's calls to its plain ledger."""

    def __init__(self, config: ConnectorConfig, key: SecretStr, books: str | None = None) -> None:
        self._http = Http(
            config.http,
            config.base_url,
            config.scope,
            classify=classify,
            timeout=timeout_of(config.timeout_seconds),
            bearer=key,
            renew=config.renew,
        )
        self._reads = {"X-Organisation": books} if books else {}
        self._writes = dict(self._reads)
        if config.organisation_id:
            # The ledger refuses to write into other books than those that were connected.
            self._writes["X-Organisation"] = config.organisation_id

    def organisation(self) -> Organisation:
        """GET /organisation."""
        return _read(Organisation, self._http.read("GET", "/organisation", headers=self._reads))

    def changes(
        self, kind: ObjectType, *, after: str | None, limit: int, period: Period | None = None
    ) -> Listed:
        """GET /{plural}: what changed, oldest change first."""
        query = {
            "changed_after": after,
            "limit": str(limit),
            "from": period.start.isoformat() if period and period.start else None,
            "to": period.end.isoformat() if period and period.end else None,
        }
        return _read(Listed, self._get(kind, query))

    def look_up(
        self, kind: ObjectType, *, markers: Iterable[str] = (), ids: Iterable[str] = ()
    ) -> Found:
        """GET /{plural}?markers=&ids=: what carries the markers or has the ids."""
        return _read(Found, self._get(kind, {"markers": ",".join(markers), "ids": ",".join(ids)}))

    def _get(self, kind: ObjectType, query: Mapping[str, str | None]) -> httpx.Response:
        given = {name: value for name, value in query.items() if value}
        return self._http.read("GET", f"/{kind.plural}", headers=self._reads, params=given)

    def create(self, kind: ObjectType, items: Sequence[Wire]) -> Written:
        """POST /{plural}: enter new objects."""
        return self._post(f"/{kind.plural}", items)

    def update(self, kind: ObjectType, items: Sequence[Wire]) -> Written:
        """POST /{plural}/update: replace their content."""
        return self._post(f"/{kind.plural}/update", items)

    def post(self, kind: ObjectType, items: Sequence[Wire]) -> Written:
        """POST /{plural}/post: put drafts into the books."""
        return self._post(f"/{kind.plural}/post", items)

    def void(self, kind: ObjectType, items: Sequence[Wire]) -> Written:
        """POST /{plural}/void."""
        return self._post(f"/{kind.plural}/void", items)

    def delete(self, kind: ObjectType, items: Sequence[Wire]) -> Written:
        """POST /{plural}/delete: remove drafts."""
        return self._post(f"/{kind.plural}/delete", items)

    def _post(self, path: str, items: Sequence[Wire]) -> Written:
        """Write a batch; gives one result per item, and the request's id."""
        response = self._http.write("POST", path, headers=self._writes, json={"items": items})
        try:
            results = Results.model_validate_json(response.content)
        except ValidationError:
            raise _unreadable(OutcomeUnknown, response) from None
        if len(results.results) != len(items):
            raise _unreadable(OutcomeUnknown, response)
        return Written(results.results, response.headers.get("x-request-id"))


def _read(model: type[_Model], response: httpx.Response) -> _Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise _unreadable(Unavailable, response) from None


def _unreadable(
    kind: type[OutcomeUnknown | Unavailable], response: httpx.Response
) -> OutcomeUnknown | Unavailable:
    return kind(
        f"the answer from {response.url.host} cannot be read (HTTP {response.status_code}, "
        f"{response.headers.get('content-type', 'no content type')})",
        code="unreadable_answer",
        http_status=response.status_code,
        request_id=response.headers.get("x-request-id"),
    )
