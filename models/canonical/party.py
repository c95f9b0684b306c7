"""Contacts: the customers and suppliers that documents are made out to."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from models.canonical.money import Currency
from models.canonical.record import CanonicalRecord, LongText, ObjectType, ShortText, Value

CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""


class ContactRole(StrEnum):
    """What a contact is to the billing entity; it may be both."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"


Roles = Annotated[tuple[ContactRole, ...], AfterValidator(lambda roles: tuple(sorted(set(roles))))]
"""Each role once, always in the same order: content must hash alike in every process."""


class Address(Value):
    """A postal address (EN 16931 BG-8, BG-5)."""

    line1: ShortText = ""
    line2: ShortText = ""
    city: ShortText = ""
    postal_code: ShortText = ""
    region: ShortText = ""
    country: CountryCode | None = None


class Contact(CanonicalRecord):
    """A customer, a supplier, or both (EN 16931 BG-7, BG-4)."""

    type: Literal[ObjectType.CONTACT] = ObjectType.CONTACT
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    number: ShortText | None = None
    """The customer or supplier number that people use."""
    roles: Roles = (ContactRole.CUSTOMER,)
    legal_name: ShortText | None = None
    tax_number: ShortText | None = None
    """VAT identifier or what stands for it (BT-48, BT-31)."""
    company_number: ShortText | None = None
    email: ShortText | None = None
    phone: ShortText | None = None
    address: Address | None = None
    currency: Currency | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    note: LongText | None = None
    active: bool = True
