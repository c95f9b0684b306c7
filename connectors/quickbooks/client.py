"""QuickBooks' calls: queries, changes since a time, writes one by one and in batches.

Every call names the minor version (those below 75 are not supported any more; page "minor
versions", read 2026-11-20). Writes carry a `requestid` in the query string, where alone it counts:
a repeat with the same one returns the first answer. A batch is recognised only when the ids of its
items are the same too, and both together have room for 50 characters.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from connectors.base import ConnectorConfig
from connectors.errors import (
    AuthorizationLost,
    Cause,
    ConnectorError,
    OutcomeUnknown,
    RateLimited,
)
from connectors.http import Http, json_of, timeout_of
from connectors.quickbooks import errors
from connectors.quickbooks.answers import (
    Values,
    as_json,
    changes_in,
    found_in,
    items_in,
    moment_of,
    odd,
    query_of,
    rows_in,
    stamp,
)
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.settings import QuickBooksCredentials, QuickBooksSettings
from connectors.quickbooks.throttling import STREAKS

HOST = "quickbooks.api.intuit.com"
SANDBOX_HOST = "sandbox-quickbooks.api.intuit.com"
MINOR_VERSION = "75"
PAGE_SIZE = 1000
MOST_OBJECTS = 1000
"""In one answer about changes, and in one of a batch."""
BATCH_SIZE = 10
"""The reference says 30 and the guide 10; batches of 30 are known to time out, 10 hardly do."""
BATCHES = "batch"
"""What batch calls are counted as."""
_LONG_QUERY = 1500
_REQUEST_ID, _ITEM_ID = 32, 10


@dataclass(frozen=True)
class Rows:
    """Objects of one entity, as JSON has them."""

    values: Sequence[Values]
    moment: datetime | None = None
    """QuickBooks' clock."""


@dataclass(frozen=True)
class Write:
    """One object to write, alone or in a batch."""

    entity: Entity
    verb: str
    """create, update, delete or void."""
    body: Values
    key: str
    """32 hex digits, the same for every try of the same content."""


@dataclass(frozen=True)
class Written:
    """What QuickBooks says of a write: the object as it is now."""

    values: Values
    request_id: str | None = None


class Client:
    """One company's calls."""

    def __init__(self, config: ConnectorConfig) -> None:
        credentials, settings = config.credentials, config.settings
        if not isinstance(credentials, QuickBooksCredentials) or not isinstance(
            settings, QuickBooksSettings
        ):
            raise TypeError("credentials and settings are not QuickBooks'")
        self.settings = settings
        self.realm = credentials.realm
        self.memo = config.scope.memo
        self._elsewhere = _elsewhere(credentials.realm, config.organisation_id)
        self._row = f"{config.base_url} {self.realm}"
        secrets = [credentials.access_token, credentials.refresh_token]
        self._http = Http(
            config.http,
            f"{config.base_url.rstrip('/')}/v3/company/{self.realm}",
            config.scope,
            secrets=[one.get_secret_value() for one in secrets if one is not None],
            classify=errors.error_in,
            timeout=timeout_of(config.timeout_seconds),
            bearer=config.access_token or credentials.access_token,
            renew=config.renew,
        )

    # Reading.

    def query(self, entity: Entity, conditions: str = "", *, more: str = "") -> Rows:
        """The objects that a query finds, at most a page of them."""
        return self._queried(entity, query_of(entity, conditions, more))

    def _queried(self, entity: Entity, text: str) -> Rows:
        def send() -> httpx.Response:
            if len(text) > _LONG_QUERY:
                kind = {"Accept": "application/json", "Content-Type": "application/text"}
                params = {"minorversion": MINOR_VERSION}
                return self._http.read(
                    "POST", "/query", headers=kind, params=params, content=text.encode()
                )
            params = {"query": text, "minorversion": MINOR_VERSION}
            return self._http.read("GET", "/query", headers=_JSON, params=params)

        response = self._counted(send)
        body = json_of(response, wrote=False)
        return Rows(found_in(body, entity), moment_of(body, response))

    def queries(self, asked: Sequence[tuple[Entity | str, str]]) -> list[Rows]:
        """The objects that several queries find: one call for all of them.

        Raises:
            Unavailable: One of them was not answered.
        """
        if len(asked) == 1 and isinstance(asked[0][0], Entity):
            return [self._queried(asked[0][0], asked[0][1])]
        body = {
            "BatchItemRequest": [
                {"bId": str(place), "Query": text} for place, (_, text) in enumerate(asked)
            ]
        }
        response = self._counted(
            lambda: self._http.read(
                "POST",
                "/batch",
                headers=_SENDING,
                params={"minorversion": MINOR_VERSION},
                content=as_json(body),
                counts_as=BATCHES,
            )
        )
        said = json_of(response, wrote=False)
        items = items_in(said)
        if items is None:
            raise odd("the batch")
        found = []
        for place, (entity, _) in enumerate(asked):
            item = items.get(str(place))
            if item is None:
                raise odd(f"the query for {entity}")
            if fault := errors.fault_in(item):
                raise self._failure(fault, response, wrote=False)
            found.append(Rows(found_in(item, entity), moment_of(said, response)))
        return found

    def changes(
        self, entities: Sequence[Entity], since: datetime
    ) -> tuple[dict[Entity, Rows], int]:
        """What changed since a time, deletions too, and how many objects that were in all."""
        params = {
            "entities": ",".join(one.value for one in entities),
            "changedSince": stamp(since),
            "minorversion": MINOR_VERSION,
        }
        response = self._counted(
            lambda: self._http.read("GET", "/cdc", headers=_JSON, params=params)
        )
        body = json_of(response, wrote=False)
        parts = changes_in(body)
        said = moment_of(body, response)
        found = {
            entity: Rows(
                [row for part in parts for row in rows_in(part.get(entity.value), entity)], said
            )
            for entity in entities
        }
        return found, sum(len(rows.values) for rows in found.values())

    # Writing.

    def write(self, writes: Sequence[Write]) -> list[Written | ConnectorError]:
        """Write objects: one answer for each, in order. None of them is ever sent twice.

        One goes alone; voids do too, because whether a batch takes them is not documented.
        """
        together = [write for write in writes if write.verb != "void"]
        answers: dict[int, Written | ConnectorError] = {}
        if len(together) > 1:
            places = [place for place, write in enumerate(writes) if write.verb != "void"]
            answers = dict(zip(places, self._batched(together), strict=True))
        for place, write in enumerate(writes):
            if place not in answers:
                try:
                    answers[place] = self._alone(write)
                except ConnectorError as error:
                    answers[place] = error
        return [answers[place] for place in range(len(writes))]

    def _alone(self, write: Write) -> Written:
        params = {"minorversion": MINOR_VERSION}
        if write.key:
            params["requestid"] = write.key[:_REQUEST_ID]
        body = write.body
        if write.verb == "delete":
            params["operation"] = "delete"
        elif write.verb == "void" and write.entity is Entity.INVOICE:
            params["operation"] = "void"
        elif write.verb == "void":
            # Pages of the payment entities (read 2026-11-20); what libraries send.
            params |= {"operation": "update", "include": "void"}
            body = {**body, "sparse": True}
        response = self._counted(
            lambda: self._http.write(
                "POST", write.entity.path, headers=_SENDING, params=params, content=as_json(body)
            )
        )
        said = json_of(response, wrote=True)
        return self._written(said, write.entity, response)

    def _batched(self, writes: Sequence[Write]) -> list[Written | ConnectorError]:
        names = _item_ids(writes)
        joined = "/".join(sorted(write.key for write in writes))
        params = {
            "minorversion": MINOR_VERSION,
            "requestid": hashlib.sha256(joined.encode()).hexdigest()[:_REQUEST_ID],
        }
        body = {
            "BatchItemRequest": [
                {"bId": name, "operation": write.verb, write.entity.value: write.body}
                for name, write in zip(names, writes, strict=True)
            ]
        }
        try:
            response = self._counted(
                lambda: self._http.write(
                    "POST",
                    "/batch",
                    headers=_SENDING,
                    params=params,
                    content=as_json(body),
                    counts_as=BATCHES,
                )
            )
            items = items_in(json_of(response, wrote=True))
        except ConnectorError as error:
            return [_unknown_if_vague(error)] * len(writes)
        return [
            self._of_item(write, (items or {}).get(name), response)
            for name, write in zip(names, writes, strict=True)
        ]

    def _of_item(
        self, write: Write, item: Values | None, response: httpx.Response
    ) -> Written | ConnectorError:
        if item is None:
            return OutcomeUnknown(
                "QuickBooks does not say what became of it", code="unreadable_answer"
            )
        if fault := errors.fault_in(item):
            return self._failure(fault, response, wrote=True)
        try:
            return self._written(item, write.entity, response)
        except ConnectorError as error:
            return error

    def _written(self, said: Any, entity: Entity, response: httpx.Response) -> Written:
        values = said.get(entity.value) if isinstance(said, Mapping) else None
        if not isinstance(values, Mapping) or not values.get("Id"):
            raise OutcomeUnknown("QuickBooks did not name what it wrote", code="no_id")
        return Written(values, errors.request_id_of(response.headers))

    def _failure(
        self, fault: errors.Fault, response: httpx.Response, *, wrote: bool
    ) -> ConnectorError:
        """The error of one item of a batch, with nothing secret in it."""
        redact = self._http.redact
        clean = errors.Fault(
            type=redact(fault.type),
            code=redact(fault.code),
            message=redact(fault.message),
            detail=redact(fault.detail),
        )
        return errors.error_of(
            clean,
            response.status_code,
            wrote=wrote,
            http_status=response.status_code,
            request_id=errors.request_id_of(response.headers),
        )

    def _counted(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send, to the right books; refusals in a row for too many calls are kept in mind."""
        if self._elsewhere is not None:
            raise self._elsewhere
        try:
            response = send()
        except RateLimited as error:
            if error.http_status is None:
                raise
            raise STREAKS.refused(self._row, error) from None
        STREAKS.over(self._row)
        return response


def _elsewhere(realm: str, connected: str | None) -> AuthorizationLost | None:
    """Why a consent does not open the books that were connected; None when it does."""
    if not realm.isdigit():
        message = "the consent does not say which company it opens: authorize it again"
        cause = Cause("authorization_lost", "credentials", {"message": message})
        return AuthorizationLost(message, code="no_realm", cause=cause)
    if connected is not None and connected != realm:
        words = {"theirs": f"company {realm}", "ours": f"company {connected}"}
        return AuthorizationLost(
            f"the consent opens company {realm}, not {connected}",
            code="wrong_realm",
            cause=Cause("wrong_organisation", "organisation", words),
        )
    return None


_JSON = {"Accept": "application/json"}
_SENDING = {**_JSON, "Content-Type": "application/json"}


def _item_ids(writes: Sequence[Write]) -> list[str]:
    """Short names for the items of a batch, the same whenever the same are sent together."""
    names = [write.key[:_ITEM_ID] for write in writes]
    if "" in names or len(set(names)) < len(names):
        return [str(place) for place in range(len(writes))]
    return names


def _unknown_if_vague(error: ConnectorError) -> ConnectorError:
    """A repeated batch was once answered with a vague 6000 as a whole: that says nothing."""
    if error.code == errors.VAGUE:
        return OutcomeUnknown(error.message, code=error.code, http_status=error.http_status)
    return error
