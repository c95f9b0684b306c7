"""Recognising documents of ours that a ledger has already: pure.

Only what is certain is paired by itself: a contact by its tax number, e-mail address or name; a
document by its number together with date, currency, total and contact. A number that stands on
another document is a question for a person, never a second document.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.errors import Cause
from models.canonical import AnyDocument, AnyRecord, Bill, Contact, CreditNote, Invoice
from sync.compare import differences, in_words, label
from sync.tax_rates import UnmatchedError


@dataclass(frozen=True)
class Match:
    """The ledger has the object."""

    platform_id: str
    by: str
    """What it was recognised by, in words."""


def match_contact(ours: Contact, candidates: Sequence[Contact]) -> Match | None:
    """Find the ledger's contact for one of ours.

    Raises:
        UnmatchedError: Several fit equally well.
    """
    for by, key in _KEYS:
        wanted = key(ours)
        fitting = [contact for contact in candidates if wanted and key(contact) == wanted]
        # A name that carries another tax number is another company.
        fitting = [contact for contact in fitting if not _contradicts(ours, contact)]
        if len(fitting) == 1:
            return Match(fitting[0].id, by)
        if fitting:
            words = {
                "contact": ours.name,
                "ours": ours.id,
                "candidates": ", ".join(contact.number or contact.id for contact in fitting),
            }
            raise UnmatchedError(Cause("contact_ambiguous", f"contact {ours.id}", words))
    return None


def _contradicts(ours: Contact, theirs: Contact) -> bool:
    return (
        bool(ours.tax_number)
        and bool(theirs.tax_number)
        and _squeezed(ours.tax_number) != _squeezed(theirs.tax_number)
    )


def _squeezed(text: str | None) -> str:
    return "".join(character for character in (text or "").upper() if character.isalnum())


def _folded(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()


_KEYS: tuple[tuple[str, Callable[[Contact], str]], ...] = (
    ("tax number", lambda contact: _squeezed(contact.tax_number)),
    ("e-mail address", lambda contact: _folded(contact.email)),
    ("name", lambda contact: _folded(contact.name)),
)


def match_document(ours: AnyDocument, candidates: Sequence[AnyRecord]) -> Match | None:
    """Find the ledger's document with the number of one of ours (in the ledger's ids).

    Raises:
        UnmatchedError: The number is there, but on a document with other content.
    """
    same_number = [
        theirs
        for theirs in candidates
        if isinstance(theirs, Invoice | Bill | CreditNote)
        and theirs.type == ours.type
        and ours.number
        and theirs.number == ours.number
        and theirs.contact_id == ours.contact_id
        and theirs.status != "void"
    ]
    for theirs in same_number:
        if not differences(ours, theirs):
            return Match(theirs.id, "number, date, contact and total")
    if same_number:
        theirs = same_number[0]
        words = {
            "document": label(ours),
            "difference": in_words(differences(ours, theirs)),
            "theirs": theirs.id,
        }
        raise UnmatchedError(Cause("already_in_ledger", label(ours), words))
    return None
