"""What the tests of the SoftwareOne connector begin with: documents, a stub, a connector."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx
from pydantic import SecretStr

from connectors.base import CallScope, ConnectorConfig
from connectors.softwareone import SPEC
from connectors.softwareone.client import Client
from connectors.softwareone.connector import SoftwareOne
from connectors.softwareone.settings import SoftwareOneCredentials, SoftwareOneSettings

BASE_URL = "https://api.platform.softwareone.com"
TOKEN = "idt:TKN-1111-2222:s3cr3t-s3cr3t-s3cr3t"
BUYER, OTHER_BUYER, SELLER = "BUY-0001", "BUY-0002", "SEL-0001"
DATE = {"Date": "Sat, 21 Nov 2026 03:00:00 GMT"}

Respond = Callable[[httpx.Request], httpx.Response]

CLIENT = {"account_role": "client", "buyers": [BUYER]}
VENDOR = {"account_role": "vendor"}
OPERATIONS = {"account_role": "operations", "sellers": [SELLER]}
STATEMENTS = {
    "statements_as_entries": True,
    "statement_debit_account": "6000",
    "statement_credit_account": "4081",
}


def settings(**changes: Any) -> SoftwareOneSettings:
    """Settings of a client with one buyer."""
    return SoftwareOneSettings.model_validate({**CLIENT, **changes})


def config(http: httpx.Client | None = None, **changes: Any) -> ConnectorConfig:
    """What a connector is built from."""
    return ConnectorConfig(
        base_url=BASE_URL,
        credentials=SoftwareOneCredentials(api_token=SecretStr(TOKEN)),
        settings=settings(**changes),
        http=http or httpx.Client(transport=httpx.MockTransport(_nobody)),
        scope=CallScope("test"),
    )


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing should be asked, but {request.url} is")


class Stub:
    """Answers each request by a function, and remembers what it was asked."""

    def __init__(self, respond: Respond | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self.respond = respond or (lambda _: listing([]))
        self.http = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.respond(request)

    @property
    def targets(self) -> list[str]:
        """Methods and addresses below the API, decoded."""
        return [
            f"{one.method} {unquote(one.url.raw_path.decode()).removeprefix('/public/v1')}"
            for one in self.asked
        ]

    def client(self, **changes: Any) -> Client:
        """A client of it."""
        return Client(config(self.http, **changes))

    def connector(self, **changes: Any) -> SoftwareOne:
        """A connector to it."""
        built = SPEC.build(config(self.http, **changes))
        assert isinstance(built, SoftwareOne)
        return built


def listing(data: list[Any], *, total: int | None = None, **page: int) -> httpx.Response:
    """A page of a list."""
    pagination = {"offset": 0, "limit": 100, "total": len(data) if total is None else total} | page
    body = {"$meta": {"pagination": pagination}, "data": data}
    return httpx.Response(200, json=body, headers=DATE)


def invoice(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An invoice over 121.00 EUR, as the platform gives it."""
    return {
        "id": f"INV-0000-{number:04d}",
        "revision": 3,
        "documentNo": f"SI-{number}",
        "countryCode": "NL",
        "status": "Issued",
        "type": "Debit",
        "buyer": {"id": BUYER, "name": "Widgets NL"},
        "seller": {"id": SELLER, "name": "SoftwareOne NL"},
        "client": {"id": "ACC-0001", "name": "Widgets"},
        "vendor": {"id": "ACC-9000", "name": "Microsoft"},
        "product": {"id": "PRD-0001", "name": "Azure"},
        "agreement": {"id": "AGR-0001", "name": "Azure for Widgets"},
        "statement": {"id": "SOM-0001"},
        "erpData": {
            "documentDate": "2026-10-31T00:00:00.000Z",
            "postingDate": "2026-10-31",
            "dueDate": "2026-11-30",
            "balanceDue": 121.00,
            "yourReference": "PO 7",
            "referenceNumber": {"orderNo": "SO-9"},
        },
        "price": {"currency": "EUR", "totalSP": 100.00, "totalST": 21.00, "totalGT": 121.00},
        "lines": [
            {
                "id": "INL-1",
                "lineNo": 10000,
                "description": "Azure plan",
                "quantity": 2,
                "unitPrice": 50.00,
                "lineAmount": 100.00,
                "amountIncludingVat": 121.00,
                "vatPercent": 21,
                "vatCalculationType": "Normal VAT",
                "unitOfMeasure": "PCS",
            }
        ],
        "audit": {
            "created": {"at": "2026-11-01T08:00:00.000Z"},
            "updated": {"at": "2026-11-02T08:00:00.1234567+00:00"},
        },
    } | changes


def memo(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A credit memo over 12.10 EUR: amounts of lines are under `price`, and above zero."""
    body = invoice(number, id=f"CRD-0000-{number:04d}", documentNo=f"SC-{number}")
    del body["type"]
    body["erpData"] = body["erpData"] | {"appliesToDocNo": "SI-1", "dueDate": "1753-01-01"}
    body["price"] = {"currency": "EUR", "totalSP": 10, "totalST": 2.1, "totalGT": 12.1}
    body["lines"] = [
        {
            "id": "CRL-1",
            "description": "Azure plan",
            "quantity": 1,
            "price": {"unitPrice": 10, "amount": 10, "amountIncludingVat": 12.1, "vatPercent": 21},
        }
    ]
    return body | changes


def statement(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A statement over 100.00 EUR that was issued."""
    return {
        "id": f"SOM-0000-{number:04d}",
        "revision": 5,
        "type": "Debit",
        "status": "Issued",
        "buyer": {"id": BUYER},
        "seller": {"id": SELLER},
        "client": {"id": "ACC-0001"},
        "product": {"id": "PRD-0001", "name": "Azure"},
        "agreement": {"id": "AGR-0001", "name": "Azure for Widgets"},
        "price": {"currency": {"sale": "EUR"}, "totalSP": 100.00},
        "invoice": {"id": "INV-0000-0001"},
        "audit": {
            "updated": {"at": "2026-11-02T08:00:00.000Z"},
            "issued": {"at": "2026-11-01T08:00:00.000Z"},
        },
    } | changes
