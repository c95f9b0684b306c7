"""Plain HTTP to a simulated Xero, for its own tests."""

import json
from decimal import Decimal
from typing import Any

import httpx

from connectors.xero.simulator import Organisation, Xero, XeroRules

API = "/api.xro/2.0"


class Desk:
    """One signed-in client of one organisation, without sockets."""

    def __init__(self, xero: Xero | None = None, *, scopes: str | None = None) -> None:
        self.xero = xero or Xero(XeroRules(minute_limit=1000))
        self.uk: Organisation = self.xero.uk
        self.http = httpx.Client(transport=self.xero.transport(), base_url="http://xero.test")
        self.tokens = self.xero.credentials(scopes=scopes)
        self.known = self.uk.known

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        """A request to the accounting API; `headers` replace others, None takes one away."""
        headers = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "xero-tenant-id": self.uk.id,
            "Accept": "application/json",
            **how.pop("headers", {}),
        }
        given = {name: value for name, value in headers.items() if value is not None}
        more = {} if body is None else {"json": body}
        return self.http.request(method, f"{API}{path}", headers=given, params=how, **more)

    def rows(self, endpoint: str, *, since: str | None = None, **how: Any) -> list[dict[str, Any]]:
        """A list, with exact numbers."""
        headers = {} if since is None else {"If-Modified-Since": since}
        response = self.ask("GET", f"/{endpoint}", headers=headers, **how)
        assert response.status_code == 200, response.text
        return list(exact(response)[endpoint])

    def one(self, endpoint: str, name: str, **how: Any) -> dict[str, Any]:
        """One record."""
        response = self.ask("GET", f"/{endpoint}/{name}", **how)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = exact(response)[endpoint][0]
        return found

    def written(
        self, method: str, endpoint: str, *elements: dict[str, Any], **how: Any
    ) -> list[dict[str, Any]]:
        """What came of each element of a batch."""
        given = {"summarizeErrors": "false", "unitdp": "4", **how}
        response = self.ask(method, f"/{endpoint}", {endpoint: list(elements)}, **given)
        assert response.status_code == 200, response.text
        return list(exact(response)[endpoint])

    def put(self, endpoint: str, element: dict[str, Any], **how: Any) -> dict[str, Any]:
        """Create one record; it must succeed."""
        (row,) = self.written("PUT", endpoint, element, **how)
        assert row["StatusAttributeString"] != "ERROR", row
        return row

    def refusal(self, method: str, endpoint: str, element: dict[str, Any]) -> str:
        """Why one record is not taken."""
        (row,) = self.written(method, endpoint, element)
        assert row["StatusAttributeString"] == "ERROR", row
        return " ".join(error["Message"] for error in row["ValidationErrors"])

    def invoice(self, **fields: Any) -> dict[str, Any]:
        """The body of an invoice that is fine."""
        return {
            "Type": "ACCREC",
            "Status": "AUTHORISED",
            "Contact": {"ContactID": self.known.customer},
            "Date": "2026-09-14",
            "DueDate": "2026-09-28",
            "LineItems": [self.line()],
            **fields,
        }

    def bill(self, **fields: Any) -> dict[str, Any]:
        """The same of a bill."""
        line = self.line(AccountCode=self.known.purchases, TaxType=self.known.tax_purchases)
        whose = {"ContactID": self.known.supplier}
        return self.invoice(**{"Type": "ACCPAY", "Contact": whose, "LineItems": [line], **fields})

    def line(self, **fields: Any) -> dict[str, Any]:
        """A line of 100.00."""
        return {
            "Description": "Freight",
            "Quantity": 1,
            "UnitAmount": 100,
            "AccountCode": self.known.sales,
            "TaxType": self.known.tax_sales,
            **fields,
        }

    def payment(self, invoice_id: str, amount: float = 120, **fields: Any) -> dict[str, Any]:
        """The body of a payment of an invoice."""
        return {
            "Invoice": {"InvoiceID": invoice_id},
            "Account": {"Code": self.known.bank},
            "Date": "2026-09-20",
            "Amount": amount,
            **fields,
        }


def exact(response: httpx.Response) -> Any:
    """A body with exact numbers."""
    return json.loads(response.content, parse_float=Decimal)
