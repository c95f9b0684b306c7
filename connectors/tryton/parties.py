"""Contacts as Tryton's parties, with our marker as an identifier without a type.

A VAT number is kept as an identifier without a type as well: of a typed one Tryton asks a
question with every invoice until it has been checked with VIES (module account_invoice,
`_check_tax_identifiers`), and it refuses numbers that do not follow their country's rule.
"""

from collections.abc import Sequence
from functools import cached_property

from connectors.tryton import mapping
from connectors.tryton.batch import Work
from connectors.tryton.simple import Simple
from connectors.tryton.wire import Mechanism, Party, Values
from models.canonical import Address, Contact


class Parties(Simple[Party]):
    """Batches of contacts for one connection."""

    model = "party.party"
    row_class = Party
    words = "party"

    @cached_property
    def _countries(self) -> dict[str, int]:
        """By ISO code; a Tryton may have loaded none."""
        rows = self.client.rows("country.country", [], ["code"]).values
        return {row["code"]: row["id"] for row in rows if row.get("code")}

    def new(self, work: Work[Party]) -> Values:
        """A party with one address, as invoices need it."""
        record = _contact(work)
        work.notes += _not_kept(record)
        address = self._address(record.address, work) if record.address else {}
        mechanisms = [
            {"type": kind, "value": value}
            for kind, value in (("email", record.email), ("phone", record.phone))
            if value
        ]
        codes = [record.tax_number] if record.tax_number else []
        return {
            "name": record.name,
            "addresses": [["create", [address]]],
            "contact_mechanisms": [["create", mechanisms]] if mechanisms else [],
            "identifiers": [["create", [{"code": code} for code in [*codes, work.item.marker]]]],
        }

    def changed(self, work: Work[Party], row: Party) -> Values:
        """What differs; what we know nothing of stays as it is in Tryton."""
        record, theirs = _contact(work), mapping.contact(row)
        work.notes += _not_kept(record)
        values: Values = {}
        if record.name != row.name:
            values["name"] = record.name
        if record.active != row.active:
            values["active"] = record.active
        if record.tax_number and record.tax_number != theirs.tax_number:
            old = next((one for one in row.identifiers if one.code == theirs.tax_number), None)
            values["identifiers"] = [_put(old.id if old else None, {"code": record.tax_number})]
        mechanisms = [
            _put(
                _mechanism(row, kind, before),
                {"value": now} if before else {"type": kind, "value": now},
            )
            for kind, now, before in (
                ("email", record.email, theirs.email),
                ("phone", record.phone, theirs.phone),
            )
            if now and now != before
        ]
        if mechanisms:
            values["contact_mechanisms"] = mechanisms
        if record.address is not None:
            wanted = self._address(record.address, work)
            first = row.addresses[0] if row.addresses else None
            has = (
                {
                    "street": first.street or None,
                    "postal_code": first.postal_code or None,
                    "city": first.city or None,
                    "country": first.country.id if first.country else None,
                }
                if first
                else {}
            )
            if differing := {name: new for name, new in wanted.items() if has.get(name) != new}:
                values["addresses"] = [_put(first.id if first else None, differing)]
        return values

    def archive(self, ids: Sequence[int], *, active: bool) -> None:
        """Archive parties, or take them back."""
        self.client.update(self.model, [(party, {"active": active}) for party in ids])

    def _address(self, address: Address, work: Work[Party]) -> Values:
        values: Values = {
            "street": "\n".join(filter(None, [address.line1, address.line2])) or None,
            "postal_code": address.postal_code or None,
            "city": address.city or None,
        }
        if address.country is not None:
            country = self._countries.get(address.country)
            if country is None:
                work.notes.append(f"Tryton has no country {address.country}: it was left out")
            else:
                values["country"] = country
        return values


def _contact(work: Work[Party]) -> Contact:
    assert isinstance(work.item.record, Contact)  # noqa: S101  # by the type that is pushed
    return work.item.record


def _put(record: int | None, values: Values) -> list[object]:
    return ["create", [values]] if record is None else ["write", [record], values]


def _mechanism(row: Party, kind: str, value: str | None) -> int | None:
    """The entry that is to be changed: the one that reads as the present value."""
    kinds = {"phone", "mobile"} if kind == "phone" else {kind}
    fitting: list[Mechanism] = [
        one for one in row.contact_mechanisms if one.type in kinds and one.value == value
    ]
    return fitting[0].id if fitting else None


def _not_kept(record: Contact) -> list[str]:
    """Tryton's base modules have no place for these."""
    names = {
        "legal name": record.legal_name,
        "company number": record.company_number,
        "region": record.address.region if record.address else None,
        "payment terms": record.payment_terms_days,
        "note": record.note,
    }
    kept = [name for name, value in names.items() if value]
    return [f"not kept in Tryton: {', '.join(kept)}"] if kept else []
