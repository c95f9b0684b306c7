"""What the tests of the Qargo connector begin with: fixtures, a connector, reports to send."""

import json
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.base import CallScope, ConnectorConfig, Operation, PushItem, Report
from connectors.qargo import SPEC
from connectors.qargo.connector import Qargo
from connectors.qargo.settings import QargoCredentials, QargoSettings
from connectors.qargo.wire import Task
from models.canonical import AnyRecord

BASE_URL = "https://api.qargo.com"
NL = "NL"
NL_ID = "5b1f0c52-3a50-4a0e-9a53-7c3f4a1d0001"
SECRET = "s3cr3t-s3cr3t-s3cr3t"
TOKEN = "token-one-token-one"
TASKS = "/v1/accounting/sync-tasks"


def said(name: str) -> Any:
    """What Qargo says, from a file."""
    path = Path(__file__).parent / "fixtures" / f"{name}.json"
    return json.loads(path.read_text())


def task_of(name: str, **changes: Any) -> Task:
    """A task as it is read; `changes` are made in its document."""
    content = said(name)
    content["payload"]["instance"].update(changes)
    return Task.model_validate(content)


def settings(**changes: Any) -> QargoSettings:
    """Settings for the entity NL."""
    return QargoSettings.model_validate({"billing_entity_codes": [NL], **changes})


def config(token: str | None = TOKEN, **changes: Any) -> ConnectorConfig:
    """What a connector for NL is built from."""
    return ConnectorConfig(
        base_url=BASE_URL,
        credentials=QargoCredentials(client_id="client-1", secret_id=SecretStr(SECRET)),
        settings=settings(**changes),
        http=httpx.Client(),
        scope=CallScope("test"),
        access_token=SecretStr(token) if token else None,
    )


def connector(**changes: Any) -> Qargo:
    """A connector for NL."""
    built = SPEC.build(config(**changes))
    assert isinstance(built, Qargo)
    return built


def report(
    record: AnyRecord, operation: Operation = Operation.COMPLETE, message: str | None = None
) -> PushItem:
    """A report about the document of the task …0001."""
    return PushItem(
        key="0" * 32,
        marker="LB-0000000000000000",
        operation=operation,
        record=record,
        platform_id=record.id,
        progress={"task": "10000000-0000-4000-8000-000000000001", "billing_entity": NL},
        report=Report(ledger_id="L-1", message=message),
    )
