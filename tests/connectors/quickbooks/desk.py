"""A plain HTTP client of the simulated QuickBooks, for its own tests: no connector in between."""

from typing import Any

import httpx

from connectors.quickbooks.simulated.answers import outgoing
from connectors.quickbooks.simulator import Company, QuickBooks

Json = dict[str, Any]
VERSION = "75"


class Desk:
    """Somebody with tokens of one company (the British one)."""

    def __init__(self, quickbooks: QuickBooks, company: Company | None = None) -> None:
        self.quickbooks = quickbooks
        self.company = company or quickbooks.uk
        self.http = httpx.Client(
            base_url=f"http://intuit/v3/company/{self.company.realm}",
            transport=quickbooks.transport(),
            headers=quickbooks.headers(self.company),
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Read something."""
        return self.http.get(f"/{path}", params={"minorversion": VERSION, **params})

    def post(self, path: str, body: Any, **params: Any) -> httpx.Response:
        """Write something; decimals become numbers."""
        given = {"minorversion": VERSION, **params}
        return self.http.post(f"/{path}", params=given, json=outgoing(body))

    def made(self, entity: str, body: Any, **params: Any) -> Json:
        """Something written, which must be taken."""
        answer = self.post(entity.lower(), body, **params)
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()[entity]
        return made

    def asked(self, statement: str) -> Json:
        """The inside of a query's answer, which must be answered."""
        answer = self.get("query", query=statement)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["QueryResponse"]
        return found

    def found(self, statement: str) -> list[Json]:
        """The rows of it."""
        return next((rows for rows in self.asked(statement).values() if isinstance(rows, list)), [])

    def refused(self, statement: str) -> str:
        """The code that a statement is refused with."""
        return said(self.get("query", query=statement))[1]

    def changes(self, entities: str, since: str) -> list[Json]:
        """What change data capture says, by entity."""
        answer = self.get("cdc", entities=entities, changedSince=since)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["CDCResponse"][0]["QueryResponse"]
        return found

    def batch(self, *items: Json, **params: Any) -> dict[str, Json]:
        """A batch, which must be answered; its results by `bId`."""
        answer = self.post("batch", {"BatchItemRequest": list(items)}, **params)
        assert answer.status_code == 200, answer.text
        return {one["bId"]: one for one in answer.json()["BatchItemResponse"]}

    def invoice(self, *nets: Any, **fields: Any) -> Json:
        """The body of an invoice of the customer."""
        known = self.company.known
        return {
            "CustomerRef": {"value": known.customer},
            "Line": [self.line(net) for net in nets or ("100.00",)],
            **fields,
        }

    def line(self, net: Any, code: str | None = None, **detail: Any) -> Json:
        """A sales line of the item."""
        known = self.company.known
        taxed = {"TaxCodeRef": {"value": code or known.tax_standard}}
        return {
            "Amount": float(net),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": known.item}, **taxed, **detail},
        }

    def payment(self, total: Any, *links: tuple[str, str, Any], **fields: Any) -> Json:
        """The body of a payment with (entity, id, amount) lines."""
        lines = [
            {"Amount": float(part), "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
            for entity, row_id, part in links
        ]
        owner = {"CustomerRef": {"value": self.company.known.customer}}
        return {**owner, "TotalAmt": float(total), "Line": lines, **fields}

    def bill_payment(self, total: Any, *links: tuple[str, str, Any], **fields: Any) -> Json:
        """The same for bills, by cheque."""
        body = self.payment(total, *links)
        del body["CustomerRef"]
        known = self.company.known
        paid = {"PayType": "Check", "CheckPayment": {"BankAccountRef": {"value": known.bank}}}
        return {**body, "VendorRef": {"value": known.vendor}, **paid, **fields}


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a fault, in any of its shapes."""
    if "xml" in answer.headers["content-type"]:
        return answer.status_code, answer.text.partition('code="')[2].partition('"')[0]
    body = answer.json()
    if "fault" in body:
        return answer.status_code, body["fault"]["error"][0]["code"]
    return answer.status_code, body["Fault"]["Error"][0]["code"]


def message(answer: httpx.Response) -> str:
    """The words of a fault."""
    return str(answer.json()["Fault"]["Error"][0]["Detail"])
