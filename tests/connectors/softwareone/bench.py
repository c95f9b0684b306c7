"""A simulated Marketplace as the suite for sources wants it, and connectors to it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.base import CallScope, ConnectorConfig
from connectors.conformance import RETRY_AFTER_SECONDS, Distortion, SourceBench
from connectors.faults import Answer, Fault
from connectors.softwareone import SPEC
from connectors.softwareone.client import Client
from connectors.softwareone.connector import SoftwareOne
from connectors.softwareone.settings import SoftwareOneCredentials, SoftwareOneSettings
from connectors.softwareone.simulator import Marketplace
from connectors.softwareone.usage import Usage
from models.canonical import ObjectType

COLLECTIONS = {
    ObjectType.INVOICE: "invoices",
    ObjectType.BILL: "invoices",
    ObjectType.CREDIT_NOTE: "credit-memos",
    ObjectType.JOURNAL_ENTRY: "statements",
}
ENTRIES = {
    "statements_as_entries": True,
    "statement_debit_account": "6000",
    "statement_credit_account": "4081",
}
_cents = itertools.count(10_000)


class MarketplaceBench(SourceBench):
    """One account of a Marketplace, without sockets; ours is its first buyer."""

    def __init__(self, role: str = "client", **traits: Any) -> None:
        self.role = role
        self.marketplace = Marketplace(**traits)
        self.faults = self.marketplace.faults
        self.http = httpx.Client(transport=self.marketplace.transport())

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the role, with everything that it may read."""
        known = self.marketplace.known
        if self.role == "vendor":
            return {"account_role": "vendor"}
        if self.role == "operations":
            ours = {"sellers": [known.seller], "clients": [known.client]}
        else:
            ours = {"buyers": [known.buyer]}
        return {"account_role": self.role, **ours, **ENTRIES}

    def configured(self, token: str | None = None, **settings: Any) -> ConnectorConfig:
        """The same with other settings or another account's token."""
        given = token or self.marketplace.credentials(self.role)["api_token"]
        return ConnectorConfig(
            base_url="http://localhost",
            credentials=SoftwareOneCredentials(api_token=SecretStr(given)),
            settings=SoftwareOneSettings.model_validate(self.settings | settings),
            http=self.http,
            scope=CallScope("test"),
            timeout_seconds=5,
        )

    def connector(self, **settings: Any) -> SoftwareOne:
        """A new connector."""
        built = SPEC.build(self.configured(**settings))
        assert isinstance(built, SoftwareOne)
        return built

    def client(self, role: str) -> Client:
        """A client with the token of any role."""
        other = MarketplaceBench.__new__(MarketplaceBench)
        other.role, other.marketplace, other.http = role, self.marketplace, self.http
        return Client(other.configured())

    def usage(self) -> Usage:
        """What hands usage in, on the Marketplace's own clock."""
        return Usage(self.client("vendor"), clock=self.marketplace.now)

    # What the suite asks for.

    def config(self) -> ConnectorConfig:
        return self.configured()

    def stranger(self) -> ConnectorConfig:
        credentials = SoftwareOneCredentials(api_token=SecretStr("idt:TKN-0000-0000:nobody"))
        return replace(self.configured(), credentials=credentials)

    def wrong_role(self) -> ConnectorConfig:
        return self.configured(self.marketplace.credentials("vendor")["api_token"])

    def issue(self, kind: ObjectType) -> str:
        return self._issue(kind, self.marketplace.known.buyer)

    def issue_elsewhere(self, kind: ObjectType) -> str:
        return self._issue(kind, self.marketplace.known.foreign_buyer)

    def _issue(self, kind: ObjectType, buyer: str) -> str:
        net = f"{next(_cents) / 100:.2f}"
        match COLLECTIONS[kind]:
            case "invoices":
                return self.marketplace.add_invoice(net=net, buyer=buyer)
            case "credit-memos":
                return self.marketplace.add_credit_memo(net=net, buyer=buyer)
        return self.marketplace.add_statement(net=net, buyer=buyer, status="Issued")

    def change(self, kind: ObjectType, platform_id: str) -> None:
        if kind is ObjectType.JOURNAL_ENTRY:
            self.marketplace.edit(platform_id, price__totalSP=next(_cents))
        else:
            self.marketplace.edit(platform_id, net=f"{next(_cents) / 100:.2f}")

    def wait(self, delay: timedelta) -> None:
        self.marketplace.pass_time(delay)

    def arm(self, fault: Fault, *, writes: bool, times: int = 1) -> None:
        self.faults.arm(
            fault,
            method="POST" if writes else "GET",
            path=".*/billing/(invoices|credit-memos|statements)",
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def distort(self, kind: ObjectType, platform_id: str, how: Distortion) -> None:
        def distorted(one: dict[str, Any]) -> dict[str, Any]:
            match how:
                case Distortion.FOREIGN:
                    elsewhere = {"id": self.marketplace.known.foreign_buyer, "name": "Another"}
                    there = {"id": self.marketplace.known.other_client, "name": "Another"}
                    return one | {"buyer": elsewhere, "client": there}
                case Distortion.UNREADABLE:
                    return one | {"price": {"currency": 7}}
            strange = {} if kind is ObjectType.JOURNAL_ENTRY else {"status": "InDunning"}
            return one | {"colour": {"of": ["blue"]}, "billingType": "Sideways"} | strange

        path = f".*/billing/{COLLECTIONS[kind]}"
        change = in_list(platform_id, distorted)
        self.faults.arm(Fault.CHANGED, method="GET", path=path, times=100, change=change)


def in_list(
    platform_id: str, distorted: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[Answer], Answer]:
    """Changes one row in the answer with a list."""

    def changed(answer: Answer) -> Answer:
        body = json.loads(answer.content())
        body["data"] = [
            distorted(one) if one.get("id") == platform_id else one for one in body["data"]
        ]
        return replace(answer, body=body)

    return changed
