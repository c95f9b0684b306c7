"""One connection's way to the marketplace: addresses, the role's gate, pages and files.

What there is to do with each collection is in `collections`. Every call names its operation, which
is compared with the account's role before anything is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr, ValidationError

from connectors.base import ConnectorConfig
from connectors.errors import ConnectorError, OutcomeUnknown, ProtocolError
from connectors.http import Classify, Http, Streamed, json_of, timeout_of
from connectors.softwareone import rql
from connectors.softwareone.errors import classify, classify_file
from connectors.softwareone.operations import Operation
from connectors.softwareone.settings import AccountRole, SoftwareOneCredentials, SoftwareOneSettings
from connectors.softwareone.wire import Listing, Thing

PAGE_SIZE = 100
"""The platform cuts longer pages to this, silently."""
API = "/public/v1"
JSON_LINES = "application/jsonl"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_CONTENT = 204

Attached = tuple[str, IO[bytes], str]
"""A file to send: its name, its content, its type."""


def settings_of(config: ConnectorConfig) -> SoftwareOneSettings:
    """The settings of a connection.

    Raises:
        TypeError: They are another connector's.
    """
    if not isinstance(config.settings, SoftwareOneSettings):
        raise TypeError("the settings are not SoftwareOne's")
    return config.settings


def api_base(base_url: str) -> str:
    """The address of the API, whether `/public` or `/public/v1` was given along or not."""
    base = base_url.rstrip("/")
    for end in (API, "/public"):
        base = base.removesuffix(end)
    return base + API


class Client:
    """Calls of one account."""

    def __init__(self, config: ConnectorConfig) -> None:
        if not isinstance(config.credentials, SoftwareOneCredentials):
            raise TypeError("the credentials are not SoftwareOne's")
        self.role: AccountRole = settings_of(config).account_role
        self._config = config
        self._base_url = api_base(config.base_url)
        self._http = self._way(config.credentials.api_token, classify)
        self._files = self._way(config.credentials.api_token, classify_file)

    def _way(self, token: SecretStr, classified: Classify) -> Http:
        config = self._config
        return Http(
            config.http,
            self._base_url,
            config.scope,
            classify=classified,
            timeout=timeout_of(config.timeout_seconds),
            bearer=token,
        )

    def allow(self, collection: str, action: str) -> None:
        """Refuse what the account's role may not do.

        Raises:
            Unsupported: It may not; nothing was sent.
        """
        Operation(collection, action).assert_allowed(self.role)

    # Reading.

    def listing(
        self,
        path: str,
        where: str = "",
        *,
        select: Sequence[str] = (),
        order: Sequence[str] = (),
        limit: int = PAGE_SIZE,
        offset: int = 0,
    ) -> tuple[Listing, Mapping[str, str]]:
        """A page of a list, and the headers that it came with."""
        asked = rql.query(where, select=select, order=order, limit=limit, offset=offset)
        response = self._http.read("GET", f"{path}?{asked}", headers=_ACCEPT_JSON)
        try:
            return Listing.model_validate(json_of(response, wrote=False)), response.headers
        except ValidationError as error:
            raise _unreadable(response, error) from None

    def thing(self, path: str, *, select: Sequence[str] = ()) -> Thing:
        """One object."""
        asked = rql.query(select=select)
        address = f"{path}?{asked}" if asked else path
        response = self._http.read("GET", address, headers=_ACCEPT_JSON)
        body = json_of(response, wrote=False)
        if not isinstance(body, dict):
            raise _unreadable(response, "it is no object")
        return body

    @contextmanager
    def file(self, path: str, accept: str) -> Iterator[Streamed]:
        """A file as it arrives, from wherever the platform keeps it.

        Files of attachments lie behind an address of some store, which must not see our token.
        """
        with self._files.stream("GET", path, headers={"Accept": accept}) as streamed:
            if streamed.status_code not in _REDIRECTS:
                yield streamed
                return
            location = streamed.headers.get("location", "")
        with self._elsewhere(location) as there:
            yield there

    @contextmanager
    def _elsewhere(self, location: str) -> Iterator[Streamed]:
        target = httpx.URL(self._base_url).join(location)
        same_host = target.host == httpx.URL(self._base_url).host
        if target.scheme != "https" and not same_host:
            raise ProtocolError(
                "a file lies at an address without encryption, which is not followed",
                code="redirect",
            )
        plain = Http(
            self._config.http,
            "",
            self._config.scope,
            secrets=[urlsplit(str(target)).query],  # whoever knows the signature has the file
            timeout=timeout_of(self._config.timeout_seconds),
        )
        with plain.stream("GET", str(target)) as streamed:
            yield streamed

    # Writing: each exactly once.

    def send(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Thing:
        """Change something; the object afterwards, empty where the platform says nothing."""
        body: dict[str, Any] = {} if content is None else {"json": content}
        return _answered(self._http.write(method, path, headers=_ACCEPT_JSON, **body))

    def upload(
        self,
        path: str,
        file: Attached,
        *,
        part: str = "file",
        more: Mapping[str, Attached] | None = None,
    ) -> Thing:
        """Send a file, read from disk while it is sent.

        The type of a part decides whether the platform takes it: it is always said.
        """
        files = {**(more or {}), part: file}
        return _answered(self._http.write("POST", path, headers=_ACCEPT_JSON, files=files))


_ACCEPT_JSON = {"Accept": "application/json"}


def below(*parts: str) -> str:
    """A path under the billing API; ids are opaque and are quoted."""
    return "/billing/" + "/".join(quote(part, safe="") for part in parts)


def _answered(response: httpx.Response) -> Thing:
    """The object in an answer to a write.

    Raises:
        OutcomeUnknown: It cannot be read: something else may speak for the platform.
    """
    if response.status_code == _NO_CONTENT or not response.content.strip():
        return {}
    body = json_of(response, wrote=True)
    if not isinstance(body, dict):
        raise OutcomeUnknown(
            "the answer to a write is no object",
            code="unreadable_answer",
            http_status=response.status_code,
        )
    return body


def _unreadable(response: httpx.Response, why: ValidationError | str) -> ConnectorError:
    if isinstance(why, ValidationError):
        first = why.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ProtocolError(
        f"an answer of the marketplace cannot be read ({response.url.path}, {why})",
        code="unreadable_answer",
        http_status=response.status_code,
    )
