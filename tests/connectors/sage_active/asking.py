"""Plain HTTP to the simulator, as a client without our connector would speak it."""

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.sage_active.simulator import Company, SageActiveLedger

DAY = "2026-03-16"


def input_type(operation: str) -> str:
    """The name of a mutation's input: `SalesInvoiceCreateGLDtoInput`, `CloseSalesInvoice...`."""
    for verb in ("create", "update", "delete"):
        if operation.startswith(verb):
            entity = operation.removeprefix(verb)
            for tail in ("UsingCodes", "UsingIds"):
                if entity.endswith(tail):
                    return f"{entity.removesuffix(tail)}Create{tail}GLDtoInput"
            return f"{entity}{verb.capitalize()}GLDtoInput"
    return f"{operation[:1].upper()}{operation[1:]}GLDtoInput"


class Asker:
    """Speaks to one company."""

    def __init__(self, ledger: SageActiveLedger, company: Company) -> None:
        self.ledger = ledger
        self.company = company
        self.headers: dict[str, str] = ledger.headers(company)
        self.client = httpx.Client(transport=ledger.transport(), base_url="http://sage")

    def post(self, document: str, **variables: Any) -> httpx.Response:
        """One request."""
        body = {"query": document, "variables": variables}
        return self.client.post("/graphql", json=body, headers=self.headers)

    def data(self, document: str, **variables: Any) -> Any:
        """The data of an answer without errors; that of a single field by itself."""
        answer = self.post(document, **variables)
        body = answer.json()
        assert answer.status_code == 200, body
        assert "errors" not in body, body["errors"]
        fields = body["data"]
        return next(iter(fields.values())) if len(fields) == 1 else fields

    def nodes(self, query: str, fields: str, arguments: str = "first: 500") -> list[Any]:
        """The rows of one page."""
        found: list[Any] = self.data(f"{{ {query}({arguments}) {{ nodes {{ {fields} }} }} }}")[
            "nodes"
        ]
        return found

    def one(self, query: str, row_id: str, fields: str) -> Any:
        """One row by id."""
        (row,) = self.nodes(query, fields, f'where: {{id: {{eq: "{row_id}"}}}}')
        return row

    def send(self, operation: str, given: Mapping[str, Any], fields: str = "id") -> httpx.Response:
        """One mutation."""
        document = (
            f"mutation($input: {input_type(operation)}!)"
            f" {{ {operation}(input: $input) {{ {fields} }} }}"
        )
        return self.post(document, input=given)

    def do(self, operation: str, given: Mapping[str, Any], fields: str = "id") -> Any:
        """What a mutation gives."""
        body = self.send(operation, given, fields).json()
        assert "errors" not in body, body["errors"]
        return body["data"][operation]

    def refusal(self, operation: str, given: Mapping[str, Any], fields: str = "id") -> str:
        """The (first) reason that a mutation is refused for, with HTTP 200."""
        answer = self.send(operation, given, fields)
        body = answer.json()
        assert answer.status_code == 200, body
        assert body["data"] == {operation: None}
        return str(body["errors"][0]["message"]).rpartition(".")[2]

    def invoice(self, **more: Any) -> dict[str, Any]:
        """The input of a sales invoice of 100.00 net at the highest rate."""
        customer = self.company.row("customers", more.pop("customer", self.company.customer()))
        rates = {"FR": 20, "ES": 21, "DE": 19}
        line = {
            "productId": self.company.product(rates[self.company.legislation]),
            "totalQuantity": 2,
            "unitPrice": 50,
        }
        given = {
            "customerId": customer["id"],
            "documentDate": DAY,
            "socialName": customer["socialName"],
            "documentId": customer["documentId"],
            "vatNumber": customer.get("vatNumber"),
            "lines": [line],
            **more,
        }
        return {name: value for name, value in given.items() if value is not None}

    def posted(self, **more: Any) -> str:
        """The id of a sales invoice that went through to the ledger."""
        invoice_id: str = self.do("createSalesInvoice", self.invoice(**more))["id"]
        self.do("closeSalesInvoice", {"salesInvoiceId": invoice_id})
        self.do("postSalesInvoice", self.posting(invoice_id), "accountingEntryId")
        return invoice_id

    def posting(self, invoice_id: str) -> dict[str, Any]:
        """The input of `postSalesInvoice`."""
        return {
            "salesInvoiceId": invoice_id,
            "accountingEntryDescription": "Invoice",
            "journalTypeId": self.company.journal("SALES_INVOICE"),
        }

    def settlement(self, invoice_id: str, amount: float | None = None) -> dict[str, Any]:
        """The input of a payment of a sales invoice's first open item."""
        item = self.company.open_items("salesInvoices", invoice_id)[0]
        paid = float(item["amount"]) if amount is None else amount
        return {
            "entryDate": "2026-04-10",
            "paymentMethodId": self.company.bank(),
            "thirdPartyId": item["partyId"],
            "documentNumber": "PAY-1",
            "salesOpenItemLinkagePaidAmounts": [{"openItemId": item["id"], "paidAmount": paid}],
        }

    def entry(self, *lines: tuple[str, float], **more: Any) -> dict[str, Any]:
        """The input of an entry by codes; amounts below zero are credits."""
        return {
            "date": "2026-03-31",
            "journalTypeCode": self.journal_code("GENERAL"),
            "documentNumber": "JE-1",
            "description": "Rent",
            "accountingEntryLines": [
                {
                    "subAccountCode": code,
                    "debitAmount": max(amount, 0),
                    "creditAmount": max(-amount, 0),
                }
                for code, amount in lines
            ],
            **more,
        }

    def journal_code(self, kind: str) -> str:
        """The code of the first journal of a type."""
        row = self.company.row("journalTypes", self.company.journal(kind))
        return str(row["code"])
