"""What may be asked of the marketplace, and by which kind of account: the capability matrix.

An operation that the account's role may not do is refused before the call: the platform answers
403 for it, always. Names are those of the Billing API's page, restated; where the page has an
operation without an address (completing a journal), there is none here either.

Source: Billing API page of the developer documentation, versions of 2026-03-30 and 2026-05-07, and
the platform's OpenAPI description 4.0.2162 for the addresses, read 2026-11-20.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.errors import Unsupported
from connectors.softwareone.settings import AccountRole

C, V, O = AccountRole.CLIENT, AccountRole.VENDOR, AccountRole.OPERATIONS  # noqa: E741  # as the page has them

Roles = frozenset[AccountRole]

_MATRIX: Mapping[str, Mapping[str, tuple[AccountRole, ...]]] = {
    "credit-memos": {
        "list": (C, O),
        "get": (C, O),
        "list lines": (C, O),
        "get line": (C, O),
        "list attachments": (C, O),
        "get attachment": (C, O),
    },
    "custom-ledgers": dict.fromkeys(
        (
            "list", "get", "create", "update", "delete", "upload charges", "accept",
            "list charges", "get charge", "get charge file",
            "list attachments", "get attachment", "create attachment", "delete attachment",
        ),
        (O,),
    ),
    "invoices": {
        "list": (C, O),
        "get": (C, O),
        "update": (C, O),
        "list lines": (C, O),
        "get line": (C, O),
        "list attachments": (C, O),
        "get attachment": (C, O),
    },
    "journals": {
        "list": (V, O),
        "get": (V, O),
        "create": (V,),
        "delete": (V,),
        "update": (V, O),
        "upload charges": (V,),
        "submit": (V,),
        "regenerate": (O,),
        "enquiry": (O,),
        "accept": (O,),
        "list sellers": (V, O),
        "list charges": (V, O),
        "get charge": (V, O),
        "get charge file": (V, O),
        "list attachments": (V, O),
        "get attachment": (V, O),
        "create attachment": (V,),
        "delete attachment": (V,),
    },
    "ledgers": dict.fromkeys(
        (
            "list", "get", "update", "recalculate", "accept",
            "list charges", "get charge", "get charge file",
            "list attachments", "get attachment",
        ),
        (O,),
    ),
    "manual-overrides": dict.fromkeys(
        ("list", "get", "create", "update", "disable", "enable"), (O,)
    ),
    "statements": {
        "list": (C, O),
        "get": (C, O),
        "retry": (O,),
        "recalculate": (O,),
        "cancel": (O,),
        "list charges": (C, O),
        "get charge": (C, O),
        "get charge file": (C, O),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One thing to do with one collection."""

    collection: str
    """As in addresses: `credit-memos`."""
    action: str
    """As people say it: `list attachments`."""

    @property
    def roles(self) -> Roles:
        """Who may do it; nobody where the platform has no such operation."""
        return frozenset(_MATRIX.get(self.collection, {}).get(self.action, ()))

    def assert_allowed(self, role: AccountRole) -> None:
        """Refuse what an account of this kind may not do.

        Raises:
            Unsupported: It may not.
        """
        if role in self.roles:
            return
        words = f"`{self.action}` of {self.collection.replace('-', ' ')}"
        if not self.roles:
            raise Unsupported(f"the marketplace has no operation {words}", code="no_operation")
        who = " and ".join(f"{one.value}" for one in AccountRole if one in self.roles)
        raise Unsupported(
            f"{words} is for {who} accounts; this connection has the account role "
            f"{role.value} (setting `account_role`)",
            code="not_for_role",
        )


OPERATIONS = tuple(
    Operation(collection, action) for collection, actions in _MATRIX.items() for action in actions
)
"""All that there is."""
