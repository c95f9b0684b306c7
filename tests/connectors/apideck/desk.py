"""A plain HTTP client of the simulated Apideck, for its own tests: no connector in between."""

from decimal import Decimal
from typing import Any

import httpx

from connectors.apideck.simulated.shapes import outgoing
from connectors.apideck.simulator import Apideck

Json = dict[str, Any]


class Desk:
    """Somebody with the API key, working for the first consumer."""

    def __init__(self, apideck: Apideck, **headers: str) -> None:
        self.apideck = apideck
        self.http = httpx.Client(
            base_url=apideck.base_url,
            transport=apideck.transport(),
            headers=apideck.headers(**headers),
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Read something of accounting."""
        return self.http.get(f"/accounting/{path}", params=params)

    def one(self, resource: str, record_id: str) -> Json:
        """A record, which must be there."""
        answer = self.get(f"{resource}/{record_id}")
        assert answer.status_code == 200, answer.text
        data: Json = answer.json()["data"]
        return data

    def rows(self, resource: str, **params: Any) -> list[Json]:
        """A page of a list, which must be answered."""
        answer = self.get(resource, **params)
        assert answer.status_code == 200, answer.text
        data: list[Json] = answer.json()["data"]
        return data

    def pages(self, resource: str, **params: Any) -> list[list[Json]]:
        """All pages of a list."""
        found: list[list[Json]] = []
        while True:
            answer = self.get(resource, **params)
            assert answer.status_code == 200, answer.text
            found.append(answer.json()["data"])
            following = answer.json()["meta"]["cursors"]["next"]
            if not following:
                return found
            params["cursor"] = following

    def post(self, resource: str, body: Any, **headers: str) -> httpx.Response:
        """Write something new; decimals become numbers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(f"/accounting/{resource}", json=outgoing(body), headers=named)

    def made(self, resource: str, body: Any, **headers: str) -> str:
        """The same, which must be taken. Returns its id."""
        answer = self.post(resource, body, **headers)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["data"]["id"]
        return made

    def patch(self, resource: str, record_id: str, body: Any, **headers: str) -> httpx.Response:
        """Change something."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/accounting/{resource}/{record_id}"
        return self.http.patch(path, json=outgoing(body), headers=named)

    def delete(self, resource: str, record_id: str) -> httpx.Response:
        """Delete something."""
        return self.http.delete(f"/accounting/{resource}/{record_id}")

    def payment(self, invoice: str, amount: str, **others: Any) -> Json:
        """The body of a payment of one invoice."""
        return {
            "total_amount": Decimal(amount),
            "transaction_date": "2026-11-21T12:00:00.000Z",
            "account": {"id": self.apideck.known.bank},
            "allocations": [{"id": invoice, "type": "invoice", "amount": Decimal(amount)}],
            **others,
        }


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and kind of an error."""
    return answer.status_code, answer.json().get("type_name", "")
