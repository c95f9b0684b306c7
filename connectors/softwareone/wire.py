"""The marketplace's JSON, as far as it is used.

Sources: the platform's OpenAPI description 4.0.2162, its developer pages and the public canon of
its billing objects (objects/CANON_OBJECT_Billing_*), read 2026-11-20.

Unknown members are ignored, enums are plain texts, a missing member is null and an empty one may
be left out. Amounts are JSON decimals with up to 14 digits after the point.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Thing = dict[str, Any]
"""An object as it came, with exact numbers."""

NO_DATE = frozenset({"1753-01-01", "0001-01-01"})
"""What the ERP says for no date."""


class Wire(BaseModel):
    """Something that the marketplace says."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


def _if_object(value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _day(value: Any) -> Any:
    """The day of a date or timestamp, as it is written: dates of the ERP have no zone."""
    if not isinstance(value, str) or not value:
        return None
    day = value[:10]
    return None if day in NO_DATE else day


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


Text = Annotated[str | None, BeforeValidator(_text)]
Day = Annotated[dt.date | None, BeforeValidator(_day)]


class Reference(Wire):
    """Another object: its id, and its name where the role may see it."""

    id: str = Field(min_length=1)
    name: str | None = None


Named = Annotated[Reference | None, BeforeValidator(_if_object)]


class Event(Wire):
    """When something was done last."""

    at: dt.datetime | None = None


class Audit(Wire):
    """Left out of lists unless it is asked for, on some collections."""

    created: Annotated[Event | None, BeforeValidator(_if_object)] = None
    updated: Annotated[Event | None, BeforeValidator(_if_object)] = None
    issued: Annotated[Event | None, BeforeValidator(_if_object)] = None


def _first(*events: Event | None) -> dt.datetime | None:
    for event in events:
        if event is not None and event.at is not None:
            at = event.at
            return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    return None


class Owned(Wire):
    """What is read of a document before anything else: whose it is."""

    id: str = Field(min_length=1)
    revision: int | None = None
    status: str | None = None
    audit: Annotated[Audit | None, BeforeValidator(_if_object)] = None
    buyer: Named = None
    seller: Named = None
    client: Named = None

    @property
    def updated_at(self) -> dt.datetime | None:
        """When it was changed last; None on old rows."""
        return _first(self.audit.updated, self.audit.created) if self.audit else None

    @property
    def issued_at(self) -> dt.datetime | None:
        """When it was issued, or at least changed last."""
        return _first(self.audit.issued, self.audit.updated) if self.audit else None


class ReferenceNumber(Wire):
    """The ERP's numbers."""

    order_no: Text = None


class ErpData(Wire):
    """What the ERP says of an invoice or credit memo."""

    document_no: Text = None
    document_date: Day = None
    posting_date: Day = None
    due_date: Day = None
    balance_due: Decimal | None = None
    your_reference: Text = None
    external_document_no: Text = None
    applies_to_doc_no: Text = None
    currency_code: str | None = None
    reference_number: Annotated[ReferenceNumber | None, BeforeValidator(_if_object)] = None


class Attributes(Wire):
    """A copy of some of it."""

    document_date: Day = None
    posting_date: Day = None
    due_date: Day = None
    order_no: Text = None


class Price(Wire):
    """Totals: net, tax and gross of the sales side."""

    currency: str | None = None
    total_sp: Annotated[Decimal | None, Field(alias="totalSP")] = None
    total_st: Annotated[Decimal | None, Field(alias="totalST")] = None
    total_gt: Annotated[Decimal | None, Field(alias="totalGT")] = None


class LineAmounts(Wire):
    """A line's amounts: on an invoice's line itself, on a credit memo's under `price`."""

    unit_price: Decimal | None = None
    discount_amount: Decimal | None = None
    line_amount: Decimal | None = None
    amount: Decimal | None = None
    amount_including_vat: Decimal | None = None
    vat_percent: Decimal | None = None
    vat_calculation_type: str | None = None


class DocumentLine(LineAmounts):
    """A line of an invoice or a credit memo."""

    id: str | None = None
    line_no: int | None = None
    item_no: Text = None
    description: Text = None
    description2: Text = None
    quantity: Decimal | None = None
    unit_of_measure: Text = None
    price: Annotated[LineAmounts | None, BeforeValidator(_if_object)] = None

    def stated(self, name: str) -> Any:
        """An amount, wherever it is."""
        own = getattr(self, name)
        return own if own is not None or self.price is None else getattr(self.price, name)


class Document(Owned):
    """An invoice or a credit memo, as its ERP has it."""

    document_no: Text = None
    country_code: str | None = None
    type: str | None = None
    price: Price = Price()
    erp_data: Annotated[ErpData, BeforeValidator(lambda v: _if_object(v) or {})] = ErpData()
    attributes: Annotated[Attributes, BeforeValidator(lambda v: _if_object(v) or {})] = Attributes()
    lines: list[DocumentLine] | None = None
    vendor: Named = None
    product: Named = None
    agreement: Named = None
    statement: Named = None


class Currencies(Wire):
    """What something is bought and sold in."""

    purchase: str | None = None
    sale: str | None = None


def _currencies(value: Any) -> Any:
    return {"purchase": value, "sale": value} if isinstance(value, str) else _if_object(value)


class StatementPrice(Wire):
    """Totals of a statement; a client sees the sales side only."""

    currency: Annotated[Currencies | None, BeforeValidator(_currencies)] = None
    total_sp: Annotated[Decimal | None, Field(alias="totalSP")] = None


class Statement(Owned):
    """Billing entries of one agreement and buyer."""

    type: str | None = None
    price: StatementPrice = StatementPrice()
    vendor: Named = None
    product: Named = None
    agreement: Named = None
    invoice: Named = None
    credit_memo: Named = None


class ChargePrice(Wire):
    """What a charge comes to."""

    sp: Annotated[Decimal | None, Field(alias="SPx1")] = None


class Charge(Wire):
    """One entry of a statement."""

    id: str | None = None
    item: Named = None
    price: Annotated[ChargePrice, BeforeValidator(lambda v: _if_object(v) or {})] = ChargePrice()
    split: Any = None
    status: str | None = None
    upload: Thing | None = None
    processing: Thing | None = None

    @property
    def counts(self) -> bool:
        """Whether its amount is billed: a split charge counts by its parts, an ignored one not."""
        states = {self.status}
        for view in (self.upload, self.processing):
            states.add((view or {}).get("status"))
        return not states & {"Split", "Error", "Skipped", "Ignored"}


class Pagination(Wire):
    """Where a page lies; the limit is the server's own, at most 100."""

    offset: int = 0
    limit: int | None = None
    total: int | None = None


class Meta(Wire):
    """What is said about a list."""

    pagination: Annotated[Pagination, BeforeValidator(lambda v: _if_object(v) or {})] = Pagination()


class Listing(Wire):
    """A page of a list; its items are read one by one, so that a bad one stands alone."""

    meta: Annotated[Meta, Field(alias="$meta"), BeforeValidator(lambda v: _if_object(v) or {})] = (
        Meta()
    )
    data: list[Thing]

    @property
    def total(self) -> int | None:
        """How many rows there are in all."""
        return self.meta.pagination.total
