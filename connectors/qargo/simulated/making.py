"""Documents that API clients make: a sales invoice or credit note, for one billing entity.

Naming the entity is optional (public API description 1.2.0, read 2026-11-20). Which one is meant
where none is named is ours: the only one of the client's integration, or, for a client of the
organisation, the default one. That the document is waiting to be posted at once is ours too.
"""

import datetime as dt
from dataclasses import replace

from connectors.qargo.simulated import access, bodies
from connectors.qargo.simulated.access import Caller
from connectors.qargo.simulated.bodies import Charge, CreditNoteInput
from connectors.qargo.simulated.chart import PRICE_LIST
from connectors.qargo.simulated.lines import Line, items_of
from connectors.qargo.simulated.store import BillingEntity, Company, Document, LineItem, SubjectType

_ENTITY = "$.billing_entity.code"


def document(caller: Caller, kind: SubjectType, wish: CreditNoteInput) -> Document:
    """The document that a client wants to be made."""
    tenant = caller.tenant
    entity = _entity(caller, wish)
    access.must_be_active(caller, entity)
    due = wish.due_date if isinstance(wish, bodies.InvoiceInput) else None
    made = Document(
        id=tenant.new_id(),
        subject_type=kind,
        number=tenant.next_number(entity, kind),
        date=wish.date,
        due_date=due or wish.date + dt.timedelta(days=30),
        currency=wish.currency,
        company_id=_customer(caller, wish).id,
        items=(),
        entity_id=entity.id,
        references=wish.customer_reference_numbers,
        custom_fields=wish.custom_fields,
        file_id=tenant.new_id(),
    )
    items = [
        item
        for place, charge in enumerate(wish.charges)
        for item in _items(caller, made, charge, f"$.charges[{place}]")
    ]
    return replace(made, items=tuple(items))


def _entity(caller: Caller, wish: CreditNoteInput) -> BillingEntity:
    tenant, integration = caller.tenant, caller.integration
    if wish.billing_entity is not None:
        find = access.named if integration is None else access.own
        return find(caller, wish.billing_entity.code, _ENTITY)
    meant = tenant.default_entity()
    if integration is not None:
        linked = [tenant.entities[one] for one in integration.entities]
        meant = linked[0] if len(linked) == 1 else None
    if meant is None:
        message = "name the billing entity: there is more than one, or no default one"
        raise bodies.invalid(
            "billing_entity_required", message, field="billing_entity", path=_ENTITY
        )
    return meant


def _customer(caller: Caller, wish: CreditNoteInput) -> Company:
    asked = wish.customer
    for one in caller.tenant.companies.values():
        by_id = asked.id is not None and str(asked.id) == one.id
        if not one.is_subcontractor and (by_id or asked.accounting_code == one.accounting_code):
            return one
    message = "there is no such customer"
    raise bodies.invalid("unknown_customer", message, field="customer", path="$.customer")


def _items(caller: Caller, made: Document, charge: Charge, path: str) -> tuple[LineItem, ...]:
    known = PRICE_LIST.get(charge.price_list_item.code)
    if known is None:
        message = f"there is no price list item {charge.price_list_item.code}"
        path = f"{path}.price_list_item.code"
        raise bodies.invalid("unknown_price_list_item", message, field="code", path=path)
    name, account, tax = known
    if charge.tax_rate is not None:
        tax = _slot(caller, made, charge.tax_rate.code, f"{path}.tax_rate.code")
    line = Line(
        amount=f"{charge.amount_excl_tax:f}",
        name=charge.name or name,
        tax=tax,
        account=account,
        code=charge.code or charge.price_list_item.code,
        description=charge.description or "",
    )
    return items_of(caller.tenant, made.subject_type, [line])


def _slot(caller: Caller, made: Document, code: str, path: str) -> str:
    for rate in caller.tenant.tax_rates.values():
        mine = (made.entity_id, made.subject_type.rates)
        if rate.code == code and (rate.entity_id, rate.invoice_type) == mine:
            return rate.slot
    message = f"there is no tax rate {code} for this billing entity and kind of document"
    raise bodies.invalid("unknown_tax_rate", message, field="code", path=path)
