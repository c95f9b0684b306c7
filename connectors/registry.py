"""From a provider's key to its spec; imported on first use.

Connectors of others come through the entry-point group `ledgerbridge.connectors`, whose entries
are `ConnectorSpec` objects.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType

from connectors.base import ConnectorSpec

BUILT_IN = MappingProxyType(
    {
        "apideck": "connectors.apideck",
        "external": "connectors.external",
        "memory": "connectors.memory",
        "qargo": "connectors.qargo",
        "quickbooks": "connectors.quickbooks",
        "sage_active": "connectors.sage_active",
        "softwareone": "connectors.softwareone",
        "tryton": "connectors.tryton",
        "xero": "connectors.xero",
    }
)
GROUP = "ledgerbridge.connectors"


class UnknownConnectorError(Exception):
    """No connector has that key; the message lists those that exist."""


@cache
def known() -> tuple[str, ...]:
    """The keys of all connectors."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))}))


@cache
def spec(key: str) -> ConnectorSpec:
    """The spec of a provider.

    Raises:
        UnknownConnectorError: There is none with that key.
    """
    if key in BUILT_IN:
        found = import_module(BUILT_IN[key]).SPEC
    else:
        entries = {entry.name: entry for entry in entry_points(group=GROUP)}
        if key not in entries:
            known = ", ".join(sorted({*BUILT_IN, *entries}))
            raise UnknownConnectorError(f"there is no connector {key!r}; known are {known}")
        found = entries[key].load()
    if not isinstance(found, ConnectorSpec):
        raise UnknownConnectorError(f"the connector {key!r} does not give a ConnectorSpec")
    return found
