"""What documents add up to, as the ledger computes it.

A line's amount is price times quantity less its discount, or what is sent as `total_amount` where
there is no price: net, or gross in a document whose amounts include tax. The document names only
"total amount of the line item"; that reading is ours.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.store import ZERO, Json, Record, Store

_PARTIES = {"invoices": "customers", "bills": "suppliers", "credit-notes": "customers"}
_HUNDRED = Decimal(100)


def computed(store: Store, resource: str, body: Json) -> Json:
    """The body of a document with its lines' taxes and its totals.

    Raises:
        Refusal: The ledger does not take it.
    """
    for name in ("discount_amount", "discount_percentage", "deposit"):
        if body.get(name):
            raise answers.declined(f"{name} of whole documents is not supported", code="Discount")
    cent = store.digits(body.get("currency"))
    untaxed = store.profile.null_means_untaxed and body.get("tax_inclusive", False) is None
    lines, net, tax = [], ZERO, ZERO
    for place, line in enumerate(body.get("line_items") or (), start=1):
        line_net, line_tax, done = _line(store, resource, line, body, cent, untaxed=untaxed)
        net, tax = net + line_net, tax + line_tax
        lines.append({"id": str(place), "line_number": place, **done})
    total_name = "total_amount" if resource == "credit-notes" else "total"
    total = net + tax if lines else _money(body.get(total_name), cent)
    if not lines:
        tax = _money(body.get("total_tax"), cent)
        net = total - tax
    said = body.get(total_name)
    if store.profile.checks_totals and said is not None and said != total:
        text = f"The document total {said} does not equal the sum of its lines {total}"
        raise answers.declined(text, code="TotalMismatch")
    return {**body, "line_items": lines, "sub_total": net, "total_tax": tax, total_name: total}


def _line(
    store: Store, resource: str, line: Json, body: Json, cent: Decimal, *, untaxed: bool
) -> tuple[Decimal, Decimal, Json]:
    amount = _amount(store, line, cent)
    account = _account(store, resource, line)
    rate = _rate(store, line.get("tax_rate"))
    percent = ZERO if rate is None or untaxed else percentage(rate)
    if body.get("tax_inclusive"):
        tax = _money(amount * percent / (_HUNDRED + percent), cent)
    else:
        tax = _money(amount * percent / _HUNDRED, cent)
    if store.profile.takes_tax_amounts and line.get("tax_amount") is not None and not untaxed:
        tax = line["tax_amount"]
    net = amount - tax if body.get("tax_inclusive") else amount
    done = {**line, "tax_amount": tax, "total_amount": amount}
    if rate is not None:
        done["tax_rate"] = {
            "id": None if store.profile.rates_without_id else rate.id,
            "code": rate.body.get("code"),
            "name": rate.body.get("name"),
            "rate": rate.body.get("effective_tax_rate"),
        }
    if account is not None:
        done["ledger_account"] = account_link(account)
    return net, tax, done


def _amount(store: Store, line: Json, cent: Decimal) -> Decimal:
    price, said = line.get("unit_price"), line.get("total_amount")
    if price is None:
        if said is None:
            raise answers.declined("A line needs a unit price or an amount", code="LineAmount")
        return _money(said, cent)
    quantity = line["quantity"] if line.get("quantity") is not None else Decimal(1)
    full = price * quantity
    less = full * (line.get("discount_percentage") or ZERO) / _HUNDRED
    amount = _money(full - less - (line.get("discount_amount") or ZERO), cent)
    if said is not None and store.profile.checks_totals and abs(said - amount) > cent:
        text = f"The line total {said} does not match the expected line total {amount}"
        raise answers.declined(text, code="LineMismatch")
    return amount


def _account(store: Store, resource: str, line: Json) -> Record | None:
    item = store.named("invoice-items", line.get("item"), "Item")
    account = store.named("ledger-accounts", line.get("ledger_account"), "Account")
    if account is None and item is not None:
        side = "expense_account" if resource == "bills" else "income_account"
        account = store.named("ledger-accounts", item.body.get(side), "Account")
    if account is None and line.get("type") not in {"info", "sub_total"}:
        raise answers.declined("A line needs an account or an item", code="AccountRequired")
    return account


def _rate(store: Store, link: Any) -> Record | None:
    if not link:
        return None
    if found := store.named("tax-rates", link, "Tax rate"):
        return found
    if (percent := link.get("rate")) is None:
        return None
    for one in store.tables["tax-rates"].values():
        if one.body.get("status") == "active" and percentage(one) == percent:
            return one
    raise answers.declined(f"There is no tax rate of {percent} %", code="InvalidReference")


def percentage(rate: Record) -> Decimal:
    """What a tax rate comes to, whether it says so or leaves it to its components."""
    said = rate.body.get("effective_tax_rate")
    if said is not None:
        return Decimal(said)
    parts = rate.body.get("components") or ()
    return sum((Decimal(one.get("rate") or 0) for one in parts), ZERO)


def account_link(account: Record) -> Json:
    """An account as other records name it."""
    return {
        "id": account.id,
        "name": account.body.get("name"),
        "code": account.body.get("code"),
        "nominal_code": account.body.get("code"),
    }


def party(store: Store, resource: str, body: Json) -> Record:
    """Whose document it is.

    Raises:
        Refusal: It names nobody, or somebody who is not there.
    """
    kind = "supplier" if resource in {"bills", "bill-payments"} else "customer"
    found = store.named(f"{kind}s", body.get(kind), kind.capitalize())
    if found is None:
        raise answers.declined(f"A {kind} is required", code="PartyRequired")
    return found


def party_link(found: Record) -> Json:
    """A contact as documents name it."""
    return {
        "id": found.id,
        "display_id": found.body.get("display_id"),
        "display_name": found.body.get("display_name"),
        "company_name": found.body.get("company_name"),
    }


def _money(value: Any, cent: Decimal) -> Decimal:
    return Decimal(value or 0).quantize(cent, ROUND_HALF_UP)
