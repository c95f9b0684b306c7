"""Writing batches: what all types have in common; see `finding` for looking them up again.

Creations of a batch are one call, changes of it another one after one read (40 ids at once): Xero
has no optimistic lock, so that what is to be changed is read first, and is given back instead of
being overwritten where somebody was there in between. No write is ever repeated here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import (
    Accepted,
    Failed,
    Operation,
    PulledRecord,
    PushItem,
    PushResult,
    Stale,
)
from connectors.errors import AuthorizationLost, ConnectorError, OutcomeUnknown, Transient
from connectors.xero import errors, reading
from connectors.xero.client import Values, Written
from connectors.xero.finding import Finder, core
from connectors.xero.values import NIL, label


@dataclass(frozen=True)
class Call:
    """One element of a call, and whose it is."""

    place: int
    item: PushItem
    body: Values


class Writer(Finder):
    """Writes the objects of one list."""

    # What differs between types.

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """What is sent, without an id; with `there`, to replace that."""
        raise NotImplementedError

    def void_body(self, item: PushItem, there: Values) -> dict[str, Any]:
        """What takes an object out of the books.

        Raises:
            Rejected: It is in a state in which it stays.
        """
        raise NotImplementedError

    def require(self, item: PushItem, there: PulledRecord | None) -> None:
        """Find out what Xero would refuse for a reason that it words badly.

        Raises:
            ConnectorError: It would.
        """

    def changing(self, item: PushItem, there: PulledRecord, values: Values) -> dict[str, Any]:
        """What changes an object that is there and is what we knew.

        Raises:
            ConnectorError: It cannot be changed.
        """
        del there
        return self.body(item, values)

    # Writing.

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Write a batch: one result for each, in order."""
        results: dict[int, PushResult] = {}
        new: list[tuple[int, PushItem]] = []
        old: list[tuple[int, PushItem]] = []
        for place, item in enumerate(items):
            (new if item.operation is Operation.CREATE else old).append((place, item))
        self._create(new, results)
        self._change(old, results)
        return [results[place] for place in range(len(items))]

    def _create(
        self, items: Sequence[tuple[int, PushItem]], results: dict[int, PushResult]
    ) -> None:
        calls = []
        for place, item in items:
            try:
                self.require(item, None)
                calls.append(Call(place, item, self.body(item, None)))
            except ConnectorError as error:
                if is_of_all(error):
                    results |= {place: Failed(error) for place, _ in items}
                    return
                results[place] = Failed(error)
        self.send("PUT", self.endpoint, calls, results)

    def _change(
        self, items: Sequence[tuple[int, PushItem]], results: dict[int, PushResult]
    ) -> None:
        if not items:
            return
        try:
            there = self.there([item for _, item in items])
        except ConnectorError as error:
            results |= {place: Failed(error) for place, _ in items}
            return
        calls = []
        for place, item in items:
            try:
                decided = self._decided(item, there.get(item.platform_id or ""))
            except ConnectorError as error:
                if is_of_all(error):
                    results |= {place: Failed(error) for place, _ in items}
                    return
                decided = Failed(error)
            if isinstance(decided, Mapping):
                body = {reading.id_field(self.endpoint): item.platform_id, **decided}
                calls.append(Call(place, item, body))
            else:
                results[place] = decided
        self.send("POST", self.endpoint, calls, results)

    def _decided(self, item: PushItem, values: Values | None) -> PushResult | dict[str, Any]:
        """What to send for a change or a void, or what is to be said instead."""
        name = label(item.record)
        there = self._readable(values) if values is not None else None
        void = there is not None and (
            there.deleted or getattr(there.record, "status", "") == "void"
        )
        if item.operation is Operation.VOID:
            if void:
                return Accepted(item.platform_id or "", version=there.version if there else None)
            if there is None or values is None:
                raise errors.deleted(name)
        if there is None or values is None or void:
            raise errors.deleted(name)
        if item.operation is Operation.UPDATE and self.has_already(item, values):
            return self.accepted(item, there)
        if item.version and there.version and item.version != there.version:
            return Stale(there)
        self.require(item, there)
        if item.operation is Operation.VOID:
            return self.void_body(item, values)
        return self.changing(item, there, values)

    def has_already(self, item: PushItem, values: Values) -> bool:
        """Whether Xero has what we say: then there is nothing to change."""
        try:
            sent = {**values, **self.body(item, values)}
            return bool(core(self._readable(sent).record) == core(self._readable(values).record))
        except ConnectorError:
            return False

    def send(
        self, method: str, endpoint: str, calls: Sequence[Call], results: dict[int, PushResult]
    ) -> None:
        """Make one call and read what it says about each element."""
        if not calls:
            return
        bodies, keys = [call.body for call in calls], [call.item.key for call in calls]
        self.settle(calls, results, lambda: self.client.write(method, endpoint, bodies, keys))

    def settle(
        self,
        calls: Sequence[Call],
        results: dict[int, PushResult],
        write: Callable[[], Written],
    ) -> None:
        """Write, and read what is said about each element."""
        try:
            written = write()
        except errors.ElementsRefused as error:
            for place, call in enumerate(calls):
                row = error.elements[place] if len(error.elements) == len(calls) else {}
                results[call.place] = self._refused(call, row, error, alone=len(calls) == 1)
            return
        except ConnectorError as error:
            results |= {call.place: Failed(error) for call in calls}
            return
        for call, row in zip(calls, written.elements, strict=True):
            results[call.place] = self._answered(call, row, written)

    def _refused(
        self, call: Call, row: Values, error: errors.ElementsRefused, *, alone: bool
    ) -> PushResult:
        """An element of a call that was refused as a whole.

        What becomes of the good ones among refused ones is not documented.
        """
        known: dict[str, Any] = {
            "http_status": error.http_status,
            "request_id": error.request_id,
        }
        said = errors.messages_of(row) or ([error.message] if alone else [])
        if said:
            return Failed(self._refusal(call, said, **known))
        return Failed(
            OutcomeUnknown(
                "Xero refused other records of the call, and is silent about this", **known
            )
        )

    def _refusal(self, call: Call, said: Sequence[str], **known: Any) -> ConnectorError:
        words = self.client.http.redact("; ".join(said))
        return errors.refusal(words, label(call.item.record), code="ValidationException", **known)

    def _answered(self, call: Call, row: Values, written: Written) -> PushResult:
        known: dict[str, Any] = {
            "http_status": written.http_status,
            "request_id": written.request_id,
        }
        said = errors.messages_of(row)
        failed = row.get("StatusAttributeString") == "ERROR" or row.get("HasErrors") is True
        if said or failed:
            return Failed(self._refusal(call, said or ["it does not say why"], **known))
        row_id = row.get(reading.id_field(self.endpoint_of(call)))
        if not isinstance(row_id, str) or row_id in {"", NIL}:
            return Failed(OutcomeUnknown("Xero does not name what it wrote", code="no_id", **known))
        warned = tuple(map(self.client.http.redact, errors.warnings_of(row)))
        endpoint = self.endpoint_of(call)
        try:
            there = reading.read(endpoint, row, self.books)
        except (ValueError, ArithmeticError, ConnectorError) as error:
            # The id is what must not be lost; the rest comes with the next pull.
            note = f"it is written, but the answer cannot be read: {error}"
            done = Accepted(reading.id_of(endpoint, row), notes=(note, *warned))
            return replace(done, request_id=written.request_id)
        if there is None:
            return Accepted(row_id, notes=warned, request_id=written.request_id)
        done = self.accepted(call.item, there)
        return replace(done, notes=(*done.notes, *warned), request_id=written.request_id)

    def endpoint_of(self, call: Call) -> str:
        """Which list an element went to."""
        del call
        return self.endpoint


def is_of_all(error: ConnectorError) -> bool:
    """Whether no record of a batch can go out now, so that nobody asks again for each of them."""
    return isinstance(error, Transient | AuthorizationLost)
