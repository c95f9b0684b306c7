"""A simulated Qargo as the suite for sources wants it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.base import CallScope, ConnectorConfig, Operation
from connectors.conformance import RETRY_AFTER_SECONDS, Distortion, SourceBench
from connectors.faults import Answer, Fault
from connectors.qargo import sign_in
from connectors.qargo.settings import QargoCredentials, QargoSettings
from connectors.qargo.simulator import Qargo
from models.canonical import ObjectType

SUBJECTS = {
    ObjectType.INVOICE: "SALES_INVOICE",
    ObjectType.BILL: "PURCHASE_INVOICE",
    ObjectType.CREDIT_NOTE: "SALES_CREDIT_NOTE",
}
SAID = {"COMPLETED": Operation.COMPLETE, "FAILED": Operation.FAIL}


class QargoBench(SourceBench):
    """A tenant with two billing entities; ours is NL."""

    def __init__(self) -> None:
        self.qargo = Qargo(limited=False)
        for code in ("NL", "BE"):
            self.qargo.add_entity(code, country=code)
        self.faults = self.qargo.faults
        self.http = httpx.Client(transport=self.qargo.transport())
        self._ours = self.qargo.credentials("INT", "NL")

    def config(self) -> ConnectorConfig:
        return self._signed_in(self._ours)

    def stranger(self) -> ConnectorConfig:
        return replace(self._unsigned(self._ours), access_token=SecretStr("nobodys-token"))

    def wrong_role(self) -> ConnectorConfig:
        return self._signed_in(self.qargo.credentials("ORG"))

    def _unsigned(self, credentials: dict[str, str]) -> ConnectorConfig:
        return ConnectorConfig(
            base_url="http://localhost",
            credentials=QargoCredentials.model_validate(credentials),
            settings=QargoSettings(billing_entity_codes=("NL",)),
            http=self.http,
            scope=CallScope("conformance"),
            timeout_seconds=5,
        )

    def _signed_in(self, credentials: dict[str, str]) -> ConnectorConfig:
        config = self._unsigned(credentials)
        return replace(config, access_token=sign_in(config).access_token)

    def issue(self, kind: ObjectType) -> str:
        return self.qargo.add_invoice("NL", kind=SUBJECTS[kind]).document_id

    def issue_elsewhere(self, kind: ObjectType) -> str:
        return self.qargo.add_invoice("BE", kind=SUBJECTS[kind]).document_id

    def arm(self, fault: Fault, *, writes: bool, times: int = 1) -> None:
        self.faults.arm(
            fault,
            method="POST" if writes else "GET",
            path=".*/sync-tasks/.*" if writes else ".*/sync-tasks",
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def wait(self, delay: timedelta) -> None:
        self.qargo.pass_time(delay)

    def reports(self, platform_id: str) -> Sequence[Operation]:
        task = self.qargo.task_of(platform_id)
        if task.status == "COMPLETED":
            return [Operation.COMPLETE] * self.qargo.postings(platform_id)
        return [SAID[task.status]] if task.status in SAID else []

    def distort(
        self,
        kind: ObjectType,  # noqa: ARG002  # tasks tell their documents apart by themselves
        platform_id: str,
        how: Distortion,
    ) -> None:
        def changed(answer: Answer) -> Answer:
            body = json.loads(answer.content())
            body["payload"]["instance"] |= distorted
            return replace(answer, body=body)

        other = {"id": self.qargo.entity("BE").id, "code": "BE"}
        ways: dict[Distortion, dict[str, Any]] = {
            Distortion.FOREIGN: {"billing_entity": other},
            Distortion.UNREADABLE: {"currency": "XXX"},
            Distortion.STRANGE: {"colour": {"of": ["blue"]}, "status": "IN_DUNNING"},
        }
        distorted = ways[how]
        task = self.qargo.task_of(platform_id).id
        path = f".*/sync-tasks/{task}"
        self.faults.arm(Fault.CHANGED, method="GET", path=path, times=100, change=changed)
