"""`/documents`: what the product hands in, with where each document stands in the ledger.

A document that becomes issued is pushed at once: it is stored, queued, and a worker is told; the
request waits for none of that. Whether an invoice is paid is never written here: hand in the
payment, and the ledger's word comes back.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Header, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.convertors import Convertor, register_url_convertor

from api.deps import RuntimeOf, Scope, ScopeOf, VersionOf
from api.errors import ApiError, ErrorBody, invalid
from api.exact import ExactRoute
from api.idempotency import OnceOf, response
from api.pagination import Tokens
from api.words import (
    BillingEntityPart,
    Day,
    Moment,
    PageQuery,
    Text,
    acting,
    answer,
)
from models.canonical import AnyRecord, ObjectType, Payment, contradictions, record_adapter
from models.canonical.money import Amount
from models.canonical.payment import Positive
from models.canonical.record import RecordId, ShortText
from models.repositories import DocumentFilter, DocumentView
from models.status import SyncStatus, public_status
from models.tables import BillingEntityRow
from sync import handing_in
from sync.errors import NotFoundError
from sync.handing_in import MOST_AT_ONCE, Expected, Outcome, Taken
from sync.idempotency import Answer
from worker.runtime import Runtime

router = APIRouter(prefix="/documents", tags=["documents"], route_class=ExactRoute)

ETAG = "ETag"
_ETAGS = r'^(\*|(W/)?"[^"]*"(, *(W/)?"[^"]*")*)$'
MARK_AS_PAID = "mark-as-paid"


class _OwnId(Convertor[str]):
    """The product's own id, which may hold slashes, up to the end of the path."""

    regex = f".+(?<!/{MARK_AS_PAID})"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("own_id", _OwnId())

RecordOf = Annotated[AnyRecord, Body(discriminator="type")]
ExternalId = Annotated[RecordId, Path(description="The product's own id of the document.")]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        pattern=_ETAGS,
        description="The ETag that was read, or `*`: otherwise 412, and nothing is changed.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        pattern=r"^\*$",
        description="`*`: the document must not exist yet, otherwise 412.",
    ),
]
PRECONDITION: dict[int | str, dict[str, Any]] = {
    412: {"model": ErrorBody, "description": "It was changed since it was read."}
}


class RecordPart(BaseModel):
    """Where a document stands in one ledger."""

    id: UUID
    connection_id: UUID
    status: SyncStatus
    reason_code: str | None
    reason: str | None
    next_step: str | None
    issue_id: UUID | None
    blocked_by: UUID | None
    """The record of the document that must be in the ledger first."""
    platform_object_id: str | None
    platform_number: str | None
    platform_url: str | None
    last_pushed_at: datetime | None


class DocumentHead(BaseModel):
    """A document without its content."""

    id: UUID
    type: ObjectType
    external_id: str
    source_id: UUID | None
    """The connection that it was pulled from; empty for what the product handed in."""
    billing_entity: BillingEntityPart
    number: str | None
    name: str | None
    document_date: date | None
    due_date: date | None
    contact_id: str | None
    currency: str | None
    net_total: Amount | None
    tax_total: Amount | None
    total: Amount | None
    balance: Amount | None
    """What is still open, as the ledger has it."""
    status: str | None
    etag: str
    version: int
    created_at: datetime
    updated_at: datetime
    sync_status: str | None
    """pending, done or error; empty while it is in step with no ledger."""
    records: list[RecordPart]


class Document(DocumentHead):
    """A document as its owner states it."""

    content: Annotated[AnyRecord, Field(discriminator="type")]


class StoredDocument(Document):
    """A document that was handed in."""

    outcome: Outcome


class DocumentPage(Tokens):
    """Documents, newest first."""

    data: list[DocumentHead]


class DocumentQuery(PageQuery):
    """Which documents are meant."""

    type: ObjectType | None = None
    external_id: Text | None = None
    number: Text | None = None
    contact_id: Text | None = None
    status: Text | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    updated_since: Moment | None = None
    source_id: UUID | None = Field(None, description="Pulled from this connection.")
    own: bool | None = Field(None, description="Handed in by the product, or pulled.")
    billing_entity: Text | None = Field(
        None, description="Code of another billing entity of the organisation."
    )


class BulkRequest(BaseModel):
    """Documents of any type."""

    model_config = ConfigDict(extra="forbid")

    documents: list[Any] = Field(min_length=1, max_length=MOST_AT_ONCE)
    """Each as `POST /v1/documents` takes one; a bad one is refused, the others go in."""


class BulkResult(BaseModel):
    """What became of one document."""

    index: int
    outcome: Outcome
    reason: str | None = None
    id: UUID | None = None
    type: ObjectType | None = None
    external_id: str | None = None
    etag: str | None = None
    sync_status: str | None = None


class BulkAnswer(BaseModel):
    """One result for each document, in the same order."""

    billing_entity: BillingEntityPart
    created: int
    changed: int
    unchanged: int
    refused: int
    data: list[BulkResult]


class Payable(StrEnum):
    """What can be paid."""

    INVOICE = "invoice"
    BILL = "bill"


class PaidRequest(BaseModel):
    """How it was paid; without an amount, all that is open."""

    model_config = ConfigDict(extra="forbid")

    id: RecordId | None = Field(
        None, description="The product's id of the payment; or send an Idempotency-Key."
    )
    amount: Positive | None = None
    date: date
    method: ShortText | None = None
    reference: ShortText | None = None
    account: RecordId | None = Field(None, description="The bank or cash account.")


@router.get("", response_model=DocumentPage)
def list_documents(
    query: Annotated[DocumentQuery, Query()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Any:
    """List documents, newest first."""
    first, pager = query.begun(runtime.keys, scope.entity_id, "documents", "created_at")
    entity = _entity(runtime, scope, first.billing_entity)
    wanted = DocumentFilter(
        type=first.type,
        external_id=first.external_id,
        number=first.number,
        contact=first.contact_id,
        status=first.status,
        date_from=first.date_from,
        date_to=first.date_to,
        updated_since=first.updated_since,
        source_id=first.source_id,
        own=first.own,
    )
    with runtime.begin() as work:
        rows = work.handed_in.page(entity.id, wanted, place=pager.place, limit=query.limit + 1)
    page = pager.page(rows, query.limit)
    return {"data": [_head(view, entity) for view in page.rows], **page.tokens}


@router.post(
    "", response_model=StoredDocument, status_code=201, responses={200: {"model": StoredDocument}}
)
def create(
    record: RecordOf, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Hand in a document: 201 when it is new, 200 when it was known."""
    return _create(record, runtime, scope, once)


@router.post(
    "/payments",
    response_model=StoredDocument,
    status_code=201,
    responses={200: {"model": StoredDocument}},
)
def create_payment(
    payment: Payment, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Hand in a payment of one or several invoices or bills."""
    return _create(payment, runtime, scope, once)


def _create(record: AnyRecord, runtime: Runtime, scope: Scope, once: OnceOf) -> JSONResponse:
    acting(scope)
    _refuse_contradictions(record)
    return once(
        lambda: _stored(handing_in.put(runtime.engine, scope.entity_id, record), scope.entity)
    )


@router.post("/bulk", response_model=BulkAnswer)
def bulk(
    asked: BulkRequest, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Hand in up to 1,000 documents; one result for each."""
    acting(scope)

    def act() -> Answer:
        results = handing_in.put_many(runtime.engine, scope.entity_id, asked.documents)
        counts = {
            outcome.value: sum(one.outcome is outcome for one in results) for outcome in Outcome
        }
        data = [_result(index, one) for index, one in enumerate(results)]
        entity = BillingEntityPart.of(scope.entity)
        return answer(200, BulkAnswer(billing_entity=entity, data=data, **counts))

    return once(act)


@router.get("/{document_id}", response_model=Document)
def get(
    document_id: UUID, runtime: RuntimeOf, scope: ScopeOf, reply: Response, _: VersionOf
) -> Any:
    """One document by our id, whether it was handed in or pulled."""
    with runtime.begin() as work:
        view = work.handed_in.one(scope.entity_id, document_id)
    if view is None:
        raise NotFoundError(f"there is no document {document_id}")
    return _read(view, scope, reply)


@router.post(
    f"/{{type}}/{{external_id:path}}/{MARK_AS_PAID}",
    response_model=StoredDocument,
    status_code=201,
    responses={200: {"model": StoredDocument}},
)
def mark_as_paid(
    *,
    type: Payable,  # noqa: A002  # the word of the path
    external_id: ExternalId,
    asked: PaidRequest,
    runtime: RuntimeOf,
    scope: ScopeOf,
    once: OnceOf,
    _: VersionOf,
) -> JSONResponse:
    """Make a payment of an invoice or bill; its paid state comes back from the ledger."""
    actor = acting(scope)
    kind = ObjectType(type.value)
    parts = (scope.caller.client_id, scope.entity_id, kind.value, external_id, once.key)
    if asked.id is None and once.key is None:
        raise invalid(
            ["body", "id"],
            "give an id or the header Idempotency-Key, so that repeating the request makes no "
            "second payment",
            "missing",
        )
    paid = handing_in.PaidBy(
        payment_id=asked.id or handing_in.payment_id_for(*parts),
        amount=asked.amount,
        date=asked.date,
        method=asked.method,
        reference=asked.reference,
        account_id=asked.account,
    )
    return once(
        lambda: _stored(
            handing_in.mark_as_paid(
                runtime.engine, scope.entity_id, kind, external_id, paid, actor=actor
            ),
            scope.entity,
        )
    )


@router.get("/{type}/{external_id:own_id}", response_model=Document)
def get_own(
    type: ObjectType,  # noqa: A002  # the word of the path
    external_id: ExternalId,
    runtime: RuntimeOf,
    scope: ScopeOf,
    reply: Response,
    _: VersionOf,
) -> Any:
    """One of the product's documents by its own id."""
    with runtime.begin() as work:
        found = work.handed_in.own(scope.entity_id, [(type, external_id)], body=True)
    if not found:
        raise NotFoundError(f"there is no {type.words} {external_id}")
    return _read(found[type, external_id], scope, reply)


@router.put(
    "/{type}/{external_id:own_id}",
    response_model=StoredDocument,
    responses={201: {"model": StoredDocument}, **PRECONDITION},
)
def put(
    *,
    type: ObjectType,  # noqa: A002  # the word of the path
    external_id: ExternalId,
    record: RecordOf,
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> JSONResponse:
    """Hand in a document under its own id, new or changed."""
    acting(scope)
    if record.type is not type:
        raise invalid(["body", "type"], f"the path says {type.value}")
    if record.id != external_id:
        raise invalid(["body", "id"], "the path says otherwise")
    _refuse_contradictions(record)
    expected = _expected(if_match, if_none_match)
    taken = handing_in.put(runtime.engine, scope.entity_id, record, expected)
    return response(_stored(taken, scope.entity))


@router.delete("/{type}/{external_id:own_id}", status_code=204, responses=PRECONDITION)
def delete(
    type: ObjectType,  # noqa: A002  # the word of the path
    external_id: ExternalId,
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    if_match: IfMatch = None,
) -> None:
    """Say that a document was deleted; what a ledger has of it is voided there."""
    actor = acting(scope)
    handing_in.delete(
        runtime.engine, scope.entity_id, type, external_id, _expected(if_match, None), actor=actor
    )


def _entity(runtime: Runtime, scope: Scope, code: str | None) -> BillingEntityRow:
    """The entity of the header, or another one of the same organisation."""
    if code is None or code == scope.entity.code:
        return scope.entity
    with runtime.begin() as work:
        found = work.tenants.entity_coded(scope.caller.organisation_id, code)
    if found is None:
        raise ApiError(400, "unknown_billing_entity", f"there is no billing entity {code!r}")
    return found


def _expected(if_match: str | None, if_none_match: str | None) -> Expected:
    etags = None
    if if_match == "*":
        etags = frozenset[str]()
    elif if_match is not None:
        # A weak one keeps its prefix, and so equals none of ours.
        etags = frozenset(part.strip().strip('"') for part in if_match.split(","))
    return Expected(etags=etags, absent=if_none_match is not None)


def _refuse_contradictions(record: AnyRecord) -> None:
    problems = contradictions(record)
    if problems:
        raise RequestValidationError(
            [
                {
                    "loc": ["body", *_place(problem.field)],
                    "msg": problem.reason,
                    "type": "contradiction",
                }
                for problem in problems
            ]
        )


def _place(field: str) -> Sequence[str | int]:
    """`lines[2]` as a place in JSON."""
    name, _, index = field.rstrip("]").partition("[")
    return [name, int(index)] if index else [name]


def _sync_status(view: DocumentView) -> str | None:
    """The worst of all ledgers."""
    words = {
        public_status(
            SyncStatus(one["status"]), blocked_by=one["blocked_by"], issue_id=one["issue_id"]
        )
        for one in view.records
    }
    return next((word for word in ("error", "pending", "done") if word in words), None)


def _values(view: DocumentView, entity: BillingEntityRow) -> dict[str, Any]:
    values = {
        name: value
        for name, value in vars(view).items()
        if name not in {"body", "content_hash", "contact_ref"}
    }
    return values | {
        "billing_entity": BillingEntityPart.of(entity),
        "contact_id": view.contact_ref,
        "etag": view.content_hash,
        "sync_status": _sync_status(view),
    }


def _head(view: DocumentView, entity: BillingEntityRow) -> DocumentHead:
    return DocumentHead.model_validate(_values(view, entity))


def _whole(view: DocumentView, entity: BillingEntityRow) -> dict[str, Any]:
    return _values(view, entity) | {"content": record_adapter.validate_python(view.body)}


def _read(view: DocumentView, scope: Scope, reply: Response) -> Document:
    reply.headers[ETAG] = f'"{view.content_hash}"'
    return Document.model_validate(_whole(view, scope.entity))


def _stored(taken: Taken, entity: BillingEntityRow) -> Answer:
    body = StoredDocument.model_validate(_whole(taken.view, entity) | {"outcome": taken.outcome})
    status = 201 if taken.outcome is Outcome.CREATED else 200
    return answer(status, body, {ETAG: f'"{taken.view.content_hash}"'})


def _result(index: int, one: handing_in.Result) -> BulkResult:
    view = one.view
    if view is None:
        return BulkResult(index=index, outcome=one.outcome, reason=one.reason)
    return BulkResult(
        index=index,
        outcome=one.outcome,
        id=view.id,
        type=view.type,
        external_id=view.external_id,
        etag=view.content_hash,
        sync_status=_sync_status(view),
    )
