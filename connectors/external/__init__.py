"""External: a ledger that somebody else's program posts to.

We hold the documents and say what waits; an integrator's program asks for it over our HTTP API,
posts it in a ledger that we never speak to, and reports back. README.md has the whole exchange.
"""

from connectors.base import REPORTS, ConnectorSpec, Operation, PushSpec, TypeSpec
from connectors.external.connector import External, ExternalCredentials, ExternalSettings
from models.canonical import ObjectType

# Whatever the integrator does with it is the integrator's affair: everything can be expressed.
_ANYTHING = TypeSpec(push=PushSpec(frozenset(Operation) - REPORTS, batch_size=1, marker="marker"))

_TYPES = (
    ObjectType.CONTACT,
    ObjectType.ITEM,
    ObjectType.INVOICE,
    ObjectType.BILL,
    ObjectType.CREDIT_NOTE,
    ObjectType.PAYMENT,
    ObjectType.JOURNAL_ENTRY,
)

SPEC = ConnectorSpec(
    key="external",
    name="External integrator",
    types=dict.fromkeys(_TYPES, _ANYTHING),
    build=External,
    credentials=ExternalCredentials,
    settings=ExternalSettings,
    by_others=True,
)
