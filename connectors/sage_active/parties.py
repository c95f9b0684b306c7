"""Pushing contacts: a customer, a supplier, or both of them with one marker.

The marker stands at the end of the comments, the one text that every legislation leaves to us: a
code is digits only in Germany, and seen by customers everywhere.
"""

from collections.abc import Sequence
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Rejected, Unsupported
from connectors.sage_active import errors, mapping, queries
from connectors.sage_active.client import Client, Made
from connectors.sage_active.errors import ALREADY_THERE
from connectors.sage_active.ledger import known_ids
from connectors.sage_active.values import fits, label, marker_in, present
from connectors.sage_active.wire import Person, ThirdParty
from models.canonical import Contact, ContactRole

_COMMENTS, _CODE = 2000, 17
_LISTS = {ContactRole.CUSTOMER: queries.CUSTOMERS, ContactRole.SUPPLIER: queries.SUPPLIERS}
_DE_CODES = {ContactRole.CUSTOMER: (10_000, 69_999), ContactRole.SUPPLIER: (70_000, 99_999)}


class Parties:
    """Customers and suppliers of one organisation."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def push(self, item: PushItem) -> PushResult:
        """Write a contact, one role a step."""
        record = item.record
        assert isinstance(record, Contact)  # noqa: S101  # by its type
        roles = _roles(record)
        if item.operation is Operation.VOID:
            raise Unsupported("contacts are archived in Sage Active by hand", code="void")
        if item.operation is Operation.CREATE and item.platform_id is None:
            done = self._created(item, record, roles[0])
            if len(roles) == 1:
                return done
            return Progressed({"step": roles[0].value}, done.platform_id)
        assert item.platform_id is not None  # noqa: S101  # there is something to change
        if item.operation is Operation.CREATE or item.progress:
            if len(roles) > 1:
                self._add(item, record, roles[1])
            if item.operation is Operation.CREATE:
                return Accepted(item.platform_id)
        return self._updated(item, record, roles)

    # Creating.

    def _created(self, item: PushItem, record: Contact, role: ContactRole) -> Accepted:
        try:
            made = self._create(role, self._values(item, record, role))
        except Rejected as error:
            if error.code not in ALREADY_THERE:
                raise
            return self._adopted(record, role, error)
        return Accepted(made.id(), number=made.text("code"), request_id=made.request_id)

    def _create(self, role: ContactRole, values: dict[str, Any]) -> Made:
        if role is ContactRole.CUSTOMER:
            return self._client.create_customer(values)
        return self._client.create_supplier(values)

    def _add(self, item: PushItem, record: Contact, role: ContactRole) -> None:
        """Give a contact its second role.

        A look-up finds the first one and says at once that the second is missing, also while it
        may still be on its way. So it has a code of its own making: said twice, it is refused.
        """
        values = self._values(item, record, role)
        refusal: Rejected | None = None
        for code in [values["code"]] if "code" in values else self._codes(item.marker, role):
            try:
                self._create(role, {**values, "code": code})
            except Rejected as error:
                if error.code in ALREADY_THERE:
                    self._adopted(record, role, error)
                    return
                if self._marked(role, item):
                    return
                refusal = error
            else:
                return
        if refusal is not None:
            raise refusal

    def _codes(self, marker: str, role: ContactRole) -> list[str]:
        """Codes that only this contact has: from its marker; in Germany several to try."""
        digits = marker.removeprefix("LB-")
        if self._client.legislation != "DE":
            return [digits[:_CODE]]
        least, most = _DE_CODES[role]
        span = most - least + 1
        return [str(least + int(digits[place:][:8], 16) % span) for place in (0, 4, 8)]

    def _adopted(self, record: Contact, role: ContactRole, error: Rejected) -> Accepted:
        """The third party that has the tax number already, if it is one.

        Raises:
            Rejected: There are none or several, or it has another name.
        """
        clauses = []
        if record.tax_number:
            clauses.append(queries.is_one_of("vatNumber", [record.tax_number], "String"))
        if record.company_number:
            clauses.append(queries.is_one_of("documentId", [record.company_number], "String"))
        found = (
            self._client.all(ThirdParty, _LISTS[role], [queries.either(*clauses)])
            if clauses
            else []
        )
        if len(found) == 1:
            (row,) = found
            note = f"Sage Active had it already, as {row.social_name} ({row.code})"
            return Accepted(row.id, number=row.code or None, notes=(note,))
        raise error

    def _values(self, item: PushItem, record: Contact, role: ContactRole) -> dict[str, Any]:
        name = label(record)
        values = {
            "code": self._code(record, role),
            "socialName": fits(record.name, 70, "name", name),
            "tradeName": fits(record.legal_name, 70, "legal name", name),
            "documentId": fits(record.company_number, 25, "company number", name),
            "vatNumber": fits(record.tax_number, 25, "tax number", name),
            "countryAcronym": record.address.country if record.address else None,
            "comments": _comments(record, item.marker),
            "addresses": [address] if (address := _address(record)) else None,
            "contacts": [person] if (person := _person(record)) else None,
            "paymentTermLines": _terms(record),
        }
        return present(values)

    def _code(self, record: Contact, role: ContactRole) -> str | None:
        """Our number as the code, where Sage can take it; else Sage gives one."""
        number = (record.number or "").strip()
        if not number or len(number) > _CODE or any(one.isspace() for one in number):
            return None
        if self._client.legislation == "DE":
            least, most = _DE_CODES[role]
            return number if number.isdigit() and least <= int(number) <= most else None
        return number

    # Updating.

    def _updated(self, item: PushItem, record: Contact, roles: Sequence[ContactRole]) -> PushResult:
        main: ThirdParty | None = None
        for role in ContactRole:
            rows = self._rows(role, [item])
            for row in rows:
                if row.id == item.platform_id:
                    main = row
                self._change(item, record, role, row)
            if not rows and role in roles and main is not None:
                self._add(item, record, role)
        if main is None:
            raise errors.deleted(label(record))
        return Accepted(main.id, number=main.code or None)

    def _change(self, item: PushItem, record: Contact, role: ContactRole, row: ThirdParty) -> None:
        """Say what differs; nothing where nothing does."""
        there = mapping.contact(row, role)
        wanted = self._values(item, record, role)
        changes: dict[str, Any] = {"id": row.id}
        texts = {
            "socialName": row.social_name,
            "tradeName": row.trade_name,
            "documentId": row.document_id,
            "vatNumber": row.vat_number,
        }
        changes |= {
            name: wanted[name]
            for name, theirs in texts.items()
            if name in wanted and wanted[name] != theirs
        }
        comments = _kept_comments(record, item.marker, row)
        if comments is not None:
            changes["comments"] = comments
        if record.address is not None and record.address != there.address and "addresses" in wanted:
            child = {"id": row.addresses[0].id} if row.addresses else {}
            changes["addresses"] = [{**wanted["addresses"][0], **child}]
        if (record.email, record.phone) != (there.email, there.phone) and "contacts" in wanted:
            changes["contacts"] = [_same_person(wanted["contacts"][0], row.contacts)]
        if record.active != there.active:
            changes["disabled"] = not record.active
        if len(changes) == 1:
            return
        if role is ContactRole.CUSTOMER:
            self._client.update_customer(changes)
        else:
            self._client.update_supplier(changes)

    # Looking up.

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look contacts up by the marker in their comments: one query for each role."""
        rows = {role: self._rows(role, items) for role in self._wanted_roles(items)}
        return [self._found(item, rows) for item in items]

    @staticmethod
    def _wanted_roles(items: Sequence[PushItem]) -> list[ContactRole]:
        named = {
            role
            for item in items
            if isinstance(item.record, Contact)
            for role in _roles(item.record)
        }
        return [role for role in ContactRole if role in named]

    def _found(self, item: PushItem, rows: dict[ContactRole, list[ThirdParty]]) -> FindResult:
        record = item.record
        assert isinstance(record, Contact)  # noqa: S101  # by its type
        first: ThirdParty | None = None
        missing = False
        for role in _roles(record):
            mine = [
                row
                for row in rows.get(role, [])
                if row.id == item.platform_id or marker_in(row.comments) == item.marker
            ]
            if len(mine) > 1:
                names = ", ".join(f"{row.social_name} ({row.code})" for row in mine)
                return Unclear(
                    f"Sage Active has {len(mine)} {role.value}s with our mark {item.marker}: {names}"
                )
            if mine and first is None:
                first = mine[0]
            missing = missing or not mine
        if first is None:
            return Absent()
        accepted = Accepted(first.id, number=first.code or None)
        return Found(accepted, progress={"step": "first"} if missing else None)

    def _rows(self, role: ContactRole, items: Sequence[PushItem]) -> list[ThirdParty]:
        clause = queries.says_one_of("comments", [item.marker for item in items])
        if ids := known_ids(items):
            clause = queries.either(clause, queries.is_one_of("id", ids))
        return self._client.all(ThirdParty, _LISTS[role], [clause])

    def _marked(self, role: ContactRole, item: PushItem) -> list[ThirdParty]:
        clause = queries.says_one_of("comments", [item.marker])
        return self._client.all(ThirdParty, _LISTS[role], [clause])


def _roles(record: Contact) -> list[ContactRole]:
    """Customers first; a contact that is neither is written as a customer."""
    return [role for role in ContactRole if role in record.roles] or [ContactRole.CUSTOMER]


def _comments(record: Contact, marker: str) -> str:
    note = fits(record.note, _COMMENTS - len(marker) - 1, "note", label(record))
    return f"{note}\n{marker}" if note else marker


def _kept_comments(record: Contact, marker: str, row: ThirdParty) -> str | None:
    """The comments with our note and marker in them; None where both are there already.

    What people have written beside them stays, unless the field is full.
    """
    there = row.comments or ""
    note = (record.note or "").strip()
    if note not in there:
        return _comments(record, marker)
    if marker_in(there) is None and len(there) + len(marker) < _COMMENTS:
        return f"{there}\n{marker}".strip()
    return None


def _address(record: Contact) -> dict[str, Any] | None:
    address = record.address
    if address is None:
        return None
    name = label(record)
    return present(
        {
            "name": "Main",
            "firstLine": fits(address.line1, 35, "address", name),
            "secondLine": fits(address.line2, 35, "address", name),
            "city": fits(address.city, 35, "city", name),
            "zipCode": fits(address.postal_code, 9, "postal code", name),
            "province": fits(address.region, 25, "region", name),
            "countryIsoCodeAlpha2": address.country,
        }
    )


def _person(record: Contact) -> dict[str, Any] | None:
    if not record.email and not record.phone:
        return None
    name = label(record)
    email = fits(record.email, 70, "e-mail address", name)
    phone = fits(record.phone, 20, "phone number", name)
    return present(
        {
            "name": record.name[:35].strip(),
            "emails": [{"emailAddress": email, "usage": "NOT_SET", "isDefault": True}]
            if email
            else None,
            "phones": [{"number": phone, "type": "NOT_SET"}] if phone else None,
        }
    )


def _same_person(wanted: dict[str, Any], there: Sequence[Person]) -> dict[str, Any]:
    """The same as a change of the first person, where there is one."""
    if not there:
        return wanted
    person, changed = there[0], dict(wanted)
    changed["id"] = person.id
    for name, children in (("emails", person.emails), ("phones", person.phones)):
        if name in changed and children:
            changed[name] = [{**changed[name][0], "id": children[0].id}]
    return changed


def _terms(record: Contact) -> list[dict[str, Any]] | None:
    if record.payment_terms_days is None:
        return None
    return [
        {
            "order": 9999,
            "type": "REMAINING_AMOUNT",
            "value": 0,
            "condition": "DAY_OF_PAYMENT",
            "day": record.payment_terms_days,
        }
    ]
