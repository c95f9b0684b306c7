"""What the engine does with one record after the other: for benches of ledgers without batches."""

import uuid
from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.base import (
    Accepted,
    Connector,
    Failed,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
)
from connectors.conformance import Bench
from connectors.errors import ConnectorError, OutcomeUnknown, Transient
from models.canonical import AnyRecord, ObjectType


class OneByOne(Bench):
    """A bench that pushes records through all their steps, and looks unclear ones up."""

    @property
    @abstractmethod
    def consistency_delay(self) -> timedelta:
        """After how long a look-up proves something."""

    @abstractmethod
    def connector(self, **settings: Any) -> Connector:
        """A new connector, as each piece of work gets one."""

    def item(self, record: AnyRecord, **fields: Any) -> PushItem:
        """A record as the engine sends it the first time."""
        defaults: dict[str, Any] = {
            "key": uuid.uuid4().hex,
            "marker": f"LB-{uuid.uuid4().hex[:16].upper()}",
            "operation": Operation.CREATE,
            "record": record,
        }
        return PushItem(**(defaults | fields))

    def step(
        self, item: PushItem, connector: Connector | None = None
    ) -> tuple[PushItem, PushResult]:
        """One push; what a step left is with the item, as the engine keeps it."""
        kind = ObjectType(item.record.type)
        (result,) = (connector or self.connector()).push(kind, [item])
        if isinstance(result, Progressed):
            item = replace(
                item,
                progress=dict(result.progress),
                platform_id=result.platform_id or item.platform_id,
            )
        return item, result

    def push(
        self, record: AnyRecord | PushItem, connector: Connector | None = None, /, **settings: Any
    ) -> tuple[PushItem, PushResult]:
        """Push one record to the end."""
        item = record if isinstance(record, PushItem) else self.item(record)
        connector = connector or self.connector(**settings)
        for _ in range(10):
            item, result = self.step(item, connector)
            if not isinstance(result, Progressed):
                return item, result
        raise AssertionError("the push comes to no end")

    def accepted(self, record: AnyRecord | PushItem, **settings: Any) -> Accepted:
        """Push one record to the end; it must be accepted."""
        _, result = self.push(record, **settings)
        assert isinstance(result, Accepted), getattr(result, "error", result)
        return result

    def error(self, record: AnyRecord | PushItem, **settings: Any) -> ConnectorError:
        """Push one record to the end; it must fail."""
        _, result = self.push(record, **settings)
        assert isinstance(result, Failed), result
        return result.error

    def settle(self, item: PushItem, **settings: Any) -> Accepted:
        """Do what the engine does until a record is done: push, look up, go on."""
        kind = ObjectType(item.record.type)
        for _ in range(30):
            item, result = self.step(item, self.connector(**settings))
            if isinstance(result, Accepted):
                return result
            if isinstance(result, Progressed):
                continue
            assert isinstance(result, Failed)
            if isinstance(result.error, OutcomeUnknown):
                self.wait(self.consistency_delay)
                (found,) = self.connector(**settings).find(kind, [item])
                if isinstance(found, Found) and found.progress is None:
                    return found.accepted
                if isinstance(found, Found):
                    item = replace(
                        item,
                        platform_id=found.accepted.platform_id,
                        progress=dict(found.progress or {}),
                    )
                else:
                    item = replace(item, platform_id=None, progress=None)
                continue
            assert isinstance(result.error, Transient), result.error
        raise AssertionError("the record comes to no end")

    def records(self, kind: ObjectType, cursor: str | None = None, **settings: Any) -> list[Any]:
        """Everything of a type, as a pull brings it."""
        pages = self.connector(**settings).pull(kind, cursor)
        return [one for page in pages for one in page.records]
