"""Charges: what the lines of a file name, what comes of them, and sums over them.

A shared subscription makes a line a parent without amounts, with a share for each buyer (the
platform's object descriptions, read 2026-11-20). Ours: a fixed markup of a fifth as rating.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.softwareone.simulated.entries import Entry, check
from connectors.softwareone.simulated.generated import Generated
from connectors.softwareone.simulated.parties import Agreement, Authorization, Item, Parties
from connectors.softwareone.simulated.store import Json, Record, ref

MARKUP = Decimal("0.2")


@dataclass(frozen=True)
class Billed:
    """What a line is for: an agreement, perhaps a subscription, and how it is shared."""

    agreement: Agreement
    subscription: Json | None
    shares: tuple[tuple[Agreement, Decimal], ...]


def source_of(entry: Entry, parties: Parties, authorization: Authorization) -> Billed | None:
    """What a line is for; None, and noted, when it is not found."""
    older = "search.source.type" not in (".".join(path) for path in entry.values)
    prefix = "search.subscription" if older else "search.source"
    kind = "Subscription" if older else entry["search.source.type"]
    criteria, value = entry[f"{prefix}.criteria"], entry[f"{prefix}.value"]
    if kind not in ("Subscription", "Agreement"):
        entry.errors.append(f"{kind} is not a source that is modelled")
        return None
    wanted = _by_vendor(entry, criteria, kind.lower())
    found: Billed | None = None
    if kind == "Subscription" and wanted is not None:
        for one in parties.subscriptions.values():
            if value == (one.vendor_id if wanted else one.id):
                known = {"id": one.id, "name": one.vendor_id}
                found = Billed(one.agreement, known, one.shares)
    elif wanted is not None:
        for agreement in parties.agreements.values():
            if value == (agreement.vendor_id if wanted else agreement.id):
                found = Billed(agreement, None, ())
    if found is None or found.agreement.authorization != authorization:
        entry.errors.append(f"{kind} {value} was not found")
        return None
    named = entry["attributes.agreementVendorId"]
    if named is not None and named != found.agreement.vendor_id:
        entry.errors.append(f"{kind} {value} does not belong to agreement {named}")
    return found


def item_of(entry: Entry, parties: Parties, authorization: Authorization) -> Item | None:
    """What a line charges for; None, and noted, when it is not found."""
    wanted = _by_vendor(entry, entry["search.item.criteria"], "item")
    value = entry["search.item.value"]
    if wanted is not None:
        for item in parties.items.values():
            named = item.vendor_id if wanted else item.id
            if named == value and item.vendor == authorization.vendor:
                return item
    entry.errors.append(f"Item {value} was not found")
    return None


def _by_vendor(entry: Entry, criteria: Any, what: str) -> bool | None:
    """Whether to look by the vendor's id; None, and noted, when the criterion is not known."""
    plain = str(criteria).removeprefix(f"{what}.")
    if plain not in {"id", "externalIds.vendor"}:
        entry.errors.append(f"{criteria} is not a search criterion")
        return None
    return plain == "externalIds.vendor"


def charges_of(entries: Iterable[Entry], journal: Record, parties: Parties) -> list[Json]:
    """The charges of a journal's lines; a shared one is followed by its shares."""
    authorization = parties.authorizations[journal.body["authorization"]["id"]]
    numbers = iter(range(1, 10_000_000))
    charges: list[Json] = []
    for entry in entries:
        check(entry)
        billed = source_of(entry, parties, authorization)
        item = item_of(entry, parties, authorization)
        body = _base(journal, authorization, item) | entry.nested()
        split = bool(billed and billed.shares and not entry.errors)
        status = "Error" if entry.errors else "Split" if split else "Ready"
        total = entry["price.PPx1"]
        charge = _numbered(body, next(numbers), status, entry.errors)
        if billed is not None:
            charge |= billed.agreement.parties
            charge["subscription"] = billed.subscription
        charge["price"] = None if split else prices(authorization.currency, entry)
        charge["statementType"] = _type(total)
        charges.append(charge)
        if billed is None or not split:
            continue
        for agreement, percentage in billed.shares:
            child = _numbered(dict(body), next(numbers), "Ready", [])
            share = percentage / 100
            child |= agreement.parties
            child |= {
                "subscription": billed.subscription,
                "parent": ref(charge),
                "split": {"percentage": percentage},
                "price": prices(authorization.currency, entry, share),
                "statementType": _type(total),
            }
            charges.append(child)
    return charges


def _type(amount: Any) -> str:
    return "Credit" if isinstance(amount, Decimal) and amount < 0 else "Debit"


def _base(journal: Record, authorization: Authorization, item: Item | None) -> Json:
    return {
        "journal": ref(journal.body),
        "authorization": authorization.ref,
        "vendor": authorization.vendor.ref,
        "product": authorization.product,
        "item": item and {"id": item.id, "name": item.name},
        "billingType": "Automated",
        "revision": 1,
        "audit": {
            "created": journal.body["audit"]["updated"],
            "updated": journal.body["audit"]["updated"],
        },
    }


def _numbered(body: Json, number: int, status: str, errors: Sequence[str]) -> Json:
    _, _, digits = str(body["journal"]["id"]).partition("-")
    said = [{"id": "BIL001", "message": text} for text in errors]
    return {
        **body,
        "id": f"CHG-{digits}-{number:07d}",
        "upload": {"status": status, "errors": said},
        "processing": {"status": status, "errors": said},
    }


def prices(currency: str, entry: Entry, share: Decimal = Decimal(1)) -> Json:
    """The purchase side of a line (or of a share of it), and what it is sold for."""
    unit, total = entry["price.unitPP"], entry["price.PPx1"]
    if not isinstance(unit, Decimal) or not isinstance(total, Decimal):
        return {"unitPP": unit, "PPx1": total}
    return rated(currency, unit * share, total * share)


def rated(currency: str, unit: Decimal, total: Decimal) -> Json:
    """Prices of both sides."""
    return {
        "currency": {"purchase": currency, "sale": currency, "rate": Decimal(1)},
        "unitPP": unit,
        "PPx1": total,
        "unitSP": unit * (1 + MARKUP),
        "SPx1": total * (1 + MARKUP),
        "markup": MARKUP * 100,
        "margin": (MARKUP / (1 + MARKUP) * 100).quantize(Decimal("1e-14")),
    }


def made_up(
    parties: Agreement,
    item: Item,
    *,
    count: int,
    total: Decimal,
    digits: str,
    audit: Json,
    currency: str | None = None,
) -> Generated:
    """Charges that are made while they are read; `total` is what they purchase together."""
    sold_in = currency or parties.authorization.currency
    shared: Json = {
        **parties.parties,
        "authorization": parties.authorization.ref,
        "item": {"id": item.id, "name": item.name},
        "period": {"start": "2026-10-01T00:00:00.000Z", "end": "2026-10-31T23:59:59.000Z"},
        "quantity": Decimal(1),
        "segment": "COM",
        "billingType": "Automated",
        "statementType": _type(total),
        "upload": {"status": "Ready"},
        "processing": {"status": "Ready"},
        "revision": 1,
        "audit": audit,
    }

    def make(common: Json, number: str, amount: Decimal) -> Json:
        return {
            **common,
            "id": f"CHG-{digits}-{number}",
            "externalIds": {"vendor": f"E-{digits}-{number}", "invoice": f"VI-{digits}"},
            "price": rated(sold_in, amount, amount),
        }

    return Generated(make, shared, count, total)


def grouped(charges: Sequence[Json], key: Callable[[Json], str]) -> dict[str, Sequence[Json]]:
    """Charges by a key; generated ones are all of one."""
    if isinstance(charges, Generated):
        return {key(charges.shared): charges}
    groups: dict[str, list[Json]] = {}
    for charge in charges:
        groups.setdefault(key(charge), []).append(charge)
    return dict(groups)


def mark(charges: Sequence[Json], **members: Any) -> None:
    """Set members of all charges."""
    if isinstance(charges, Generated):
        charges.shared |= members
        return
    for charge in charges:
        charge.update(members)


def total_of(charges: Sequence[Json], member: str) -> Decimal:
    """The sum of an amount over the charges that are billed."""
    if isinstance(charges, Generated):
        purchase = charges.total
        return purchase if member == "PPx1" else purchase * (1 + MARKUP)
    return sum(
        (one["price"][member] for one in charges if one["processing"]["status"] == "Ready"),
        Decimal(0),
    )


def counts(charges: Sequence[Json], side: str) -> Json:
    """How many lines there are of each status; shares count with their line."""
    if isinstance(charges, Generated):
        status = charges.shared[side]["status"]
        lines = {status: len(charges)}
    else:
        lines = {}
        for one in charges:
            if not one.get("parent"):
                lines[one[side]["status"]] = lines.get(one[side]["status"], 0) + 1
    names = ("ready", "error", "split", *(("skipped", "ignored") * (side == "processing")))
    return {"total": sum(lines.values()), **{one: lines.get(one.title(), 0) for one in names}}
