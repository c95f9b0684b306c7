"""What synced records repeat of their documents, so that one index holds all that is filtered by.

Whose a document is changes with `Waiting.change_entity`, its side with `Documents.upsert`: both
change its records in the same statement.
"""

from models.canonical import ObjectType

SIDED = {ObjectType.CONTACT, ObjectType.CREDIT_NOTE}
"""Types that lists tell apart by customer and supplier."""

# Contacts without a role in their body are customers, and credit notes without a side are given
# to customers: the defaults of the canonical records, which bodies leave out.
SIDE = """CASE d.type WHEN 'contact' THEN coalesce(d.body -> 'roles' ->> 0, 'customer')
                     WHEN 'credit_note' THEN coalesce(d.body ->> 'side', 'customer')
                     ELSE '' END"""

COPIED_NAMES = "billing_entity_id, own, side"
COPIED = f"d.billing_entity_id, d.source_id IS DISTINCT FROM CAST(:connection AS uuid), {SIDE}"
"""The values of these columns, where `d` is the document and `:connection` the connection."""
