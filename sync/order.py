"""In which order types of objects are read and written."""

from models.canonical import ObjectType

BOOKS = (ObjectType.LEDGER_ACCOUNT, ObjectType.TAX_RATE)
"""What records are translated with; before it is known, nothing that needs it is sent."""

# Parents before children; `models` has no opinion about it.
PUSH_ORDER = (
    ObjectType.CONTACT,
    ObjectType.ITEM,
    ObjectType.INVOICE,
    ObjectType.BILL,
    ObjectType.CREDIT_NOTE,
    ObjectType.PAYMENT,
    ObjectType.JOURNAL_ENTRY,
)

# What is needed to translate and to match comes first, what refers to it after it.
PULL_ORDER = (*BOOKS, *PUSH_ORDER)
