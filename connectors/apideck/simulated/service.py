"""The HTTP side of the simulated Apideck: the accounting resources.

Paths and answers are those of the public OpenAPI document of the Accounting API 10.34.0 (read
2026-11-20). What is not modelled is refused.
"""

from typing import Any

from connectors.apideck.simulated import answers, checks, query, shapes
from connectors.apideck.simulated.offices import Offices
from connectors.apideck.simulated.store import (
    DOCUMENTS,
    PAYMENTS,
    RESOURCES,
    Json,
    Life,
    Record,
)
from connectors.apideck.simulated.vault import Connection
from connectors.faults import Answer, Refusal, Request
from connectors.simulator import route

_RESOURCE = f"(?P<resource>{'|'.join(RESOURCES)})"
_ONE = f"/accounting/{_RESOURCE}/(?P<one>[^/]+)"
_PAID = (*DOCUMENTS, *PAYMENTS)


class ApideckService(Offices):
    """Routes over connections and their books."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self._stalled: list[Request] = []

    def handle(self, request: Request) -> Answer:
        """Answer a request; every answer has a request id."""
        with self.lock:
            answer = super().handle(request)
            body = answer.body
            if answer.status == 404 and "type_name" not in (body or {}):  # noqa: PLR2004  # no route
                body = answers.not_found(f"{request.method} {request.path}").answer.body
            headers = {"x-apideck-request-id": self._company_id(), **answer.headers}
            headers["request-id"] = headers["x-apideck-request-id"]
            return Answer(answer.status, body, headers, answer.seconds)

    def _able(self, request: Request, resource: str, operation: str) -> Connection:
        at = self.ready(request)
        if operation in at.profile.missing_operations.get(resource, frozenset()):
            raise answers.unsupported(resource, operation, at.service_id)
        return at

    def _company(self, request: Request, at: Connection) -> str | None:
        """The legal entity that a request is about; None: all of them."""
        company = request.headers.get("x-apideck-company-id")
        if company is None or not at.profile.several_companies:
            return None
        if company not in at.books.company_ids:
            raise answers.bad_headers(f"x-apideck-company-id {company} is not known")
        return company

    @route("GET", f"/accounting/{_RESOURCE}")
    def list_records(self, request: Request, resource: str) -> Answer:
        """A page of a list."""
        at = self._able(request, resource, "list")
        books = at.books
        company = self._company(request, at)
        wish = query.listing(request, books, resource)
        books.tick(read=False)
        found = query.rows(books, resource, wish, company)
        page = query.page(books, resource, wish, found)
        data = [self._shown(at, one, wish, single=False) for one in page.records]
        body = answers.many(
            at.service_id,
            resource,
            data,
            meta=_meta(at, data, page, len(found)),
            links=self._links(request, page),
        )
        if wish.raw:
            body["_raw"] = {"items": [shapes.raw(one) for one in page.records]}
        if resource in _PAID:
            books.tick(read=True)
        for action in self._next_action(resource):
            action()
        return Answer(body=body, headers=self.limit_headers(at))

    def _next_action(self, resource: str) -> list[Any]:
        waiting = self.page_actions.get(resource)
        return [waiting.pop(0)] if waiting else []

    def _links(self, request: Request, page: query.Page) -> Json:
        base = f"{getattr(self, 'base_url', '')}{request.path}"
        return {
            "previous": page.previous and f"{base}?cursor={page.previous}",
            "current": f"{base}?cursor={page.current}" if page.current else base,
            "next": page.following and f"{base}?cursor={page.following}",
        }

    @staticmethod
    def _shown(at: Connection, record: Record, wish: query.Wish, *, single: bool) -> Json:
        row = shapes.exact(at.books, record, single=single)
        if wish.fields is not None:
            row = shapes.only(row, wish.fields)
        shown: Json = shapes.outgoing(row)
        return shown

    @route("GET", _ONE)
    def read_record(self, request: Request, resource: str, one: str) -> Answer:
        """A record."""
        at = self._able(request, resource, "get")
        wish = query.single(request)
        at.books.tick(read=False)
        record = at.books.found(resource, one)
        body = answers.single(
            at.service_id, resource, "one", self._shown(at, record, wish, single=True)
        )
        if wish.raw:
            body["_raw"] = shapes.raw(record)
        if resource in _PAID:
            at.books.tick(read=True)
        return Answer(body=body, headers=self.limit_headers(at))

    @route("GET", "/accounting/company-info")
    def company_info(self, request: Request) -> Answer:
        """Whose books they are."""
        at = self.ready(request)
        query.single(request)
        company = self._company(request, at) or at.company_id
        data = {
            "id": company,
            "company_name": f"Meadow & Sons {company[:4]}",
            "legal_name": f"Meadow & Sons {company[:4]} Ltd",
            "status": "active",
            "country": at.profile.country,
            "currency": at.profile.base_currency,
            "sales_tax_number": f"{at.profile.country}123456789",
            "automated_sales_tax": False,
            "fiscal_year_start_month": "January",
            "accounting_method": "accrual",
            "tracking_categories_mode": "disabled",
        }
        body = answers.single(at.service_id, "company-info", "one", data)
        return Answer(body=body, headers=self.limit_headers(at))

    @route("GET", "/accounting/companies")
    def companies(self, request: Request) -> Answer:
        """The legal entities of a connection."""
        at = self.ready(request)
        if not at.profile.several_companies:
            raise answers.unsupported("companies", "list", at.service_id)
        data = [
            {
                "id": company,
                "name": f"Meadow & Sons {company[:4]}",
                "currency": at.profile.base_currency,
                "status": "active",
            }
            for company in at.books.company_ids
        ]
        meta = {
            "items_on_page": len(data),
            "cursors": {"previous": None, "current": None, "next": None},
        }
        body = answers.many(at.service_id, "companies", data, meta=meta)
        return Answer(body=body, headers=self.limit_headers(at))

    @route("POST", f"/accounting/{_RESOURCE}")
    def create_record(self, request: Request, resource: str) -> Answer:
        """Write a new record; the answer is its id and nothing else."""
        return self._once(request, resource, "create")

    @route("PATCH", _ONE)
    def update_record(self, request: Request, resource: str, one: str) -> Answer:
        """Change members of a record."""
        return self._once(request, resource, "update", one)

    @route("DELETE", _ONE)
    def delete_record(self, request: Request, resource: str, one: str) -> Answer:
        """Delete a record."""
        return self._once(request, resource, "delete", one)

    def _once(self, request: Request, resource: str, operation: str, one: str = "") -> Answer:
        """Carry a write out, or repeat the answer that its key has already."""
        at = self._able(request, resource, operation)
        if known := at.keys.repeated(request, resource, at.profile, self.now()):
            return known
        if operation == "create" and self.stalls[resource]:
            self.stalls[resource] -= 1
            self._stalled.append(request)
            return answers.timed_out()
        return self._carried_out(at, request, resource, operation, one)

    def _carried_out(
        self, at: Connection, request: Request, resource: str, operation: str, one: str
    ) -> Answer:
        try:
            answer = self._written(at, request, resource, operation, one)
        except Refusal as refused:
            at.keys.keep(request, resource, at.profile, refused.answer)
            raise
        at.keys.keep(request, resource, at.profile, answer)
        return answer

    def finish_stalled(self) -> None:
        """Carry out what was left running."""
        stalled, self._stalled = self._stalled, []
        for request in stalled:
            at = self.connected(request)
            resource = request.path.rsplit("/", 1)[1]
            try:
                self._carried_out(at, request, resource, "create", "")
            except Refusal:
                continue  # nobody waits for this answer any more

    def _written(
        self, at: Connection, request: Request, resource: str, operation: str, one: str
    ) -> Answer:
        wish = query.plain(request)
        books = at.books
        books.tick(read=False)
        company = self._company(request, at)
        if operation == "create":
            body = _body(request, resource, partial=False)
            if company is not None:
                body.setdefault("company_id", company)
            made = books.create(resource, body)
        else:
            record = books.found(resource, one)
            if operation == "update":
                self._update(at, record, _body(request, resource, partial=True))
            else:
                books.remove(record, Life.DELETED)
            made = [record]
        word = {"create": "add"}.get(operation, operation)
        self.written[f"{operation} {resource}"] += 1
        said = answers.single(at.service_id, resource, word, {"id": made[0].id})
        if wish.raw:
            said["_raw"] = {"items": [shapes.raw(record) for record in made]}
        status = 201 if operation == "create" else 200
        return Answer(status, said, self.limit_headers(at))

    @staticmethod
    def _update(at: Connection, record: Record, changes: Json) -> None:
        given = changes.pop("row_version", None)
        if at.profile.needs_row_version:
            if given is None:
                raise answers.declined("row_version is required", code="2020")
            if given != str(record.version):
                text = "Stale object: another user has just changed it"
                raise answers.declined(text, code="5010", status=at.profile.stale_status)
        if at.profile.void_alone and changes.get("status") == "void" and given is not None:
            changes = {**changes, "row_version": given}
        at.books.update(record, changes)


def _body(request: Request, resource: str, *, partial: bool) -> Json:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise answers.bad_headers("Content-Type must be application/json")
    try:
        body = request.json()
    except Refusal:
        raise answers.invalid(["body must be JSON"]) from None
    if wrong := list(checks.problems(body, resource, partial=partial)):
        raise answers.invalid(wrong)
    checked: Json = body
    return checked


def _meta(at: Connection, data: list[Json], page: query.Page, count: int) -> Json:
    meta: Json = {
        "items_on_page": len(data),
        "cursors": {
            "previous": page.previous,
            "current": page.current,
            "next": page.following,
        },
    }
    if at.profile.total_count:
        meta["total_count"] = count
    return meta
