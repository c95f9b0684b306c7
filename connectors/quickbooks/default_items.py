"""The items behind sales lines that name an account: QuickBooks wants an item on every one.

For each income account the setting `items` names one; otherwise there is one of a name that
follows from the account, found by that name or made. Names are unique, so that two processes that
make it at the same time end with one.
"""

import hashlib
from collections.abc import Iterable

from connectors.errors import ConnectorError, MappingMissing, OutcomeUnknown, Transient
from connectors.quickbooks import errors
from connectors.quickbooks.answers import Values
from connectors.quickbooks.client import Client, Write
from connectors.quickbooks.company import ANY_STATE
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.values import any_of, linked


def name_of(account_id: str) -> str:
    """What the item for an account is called."""
    return f"Sales on account {account_id}"


class DefaultItems:
    """One company's items for accounts; each is looked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, str] = dict(client.settings.items)
        self._refused: dict[str, ConnectorError] = {}

    def need(self, accounts: Iterable[str]) -> None:
        """Find or make the items for accounts: one call to look, one to make those missing.

        Raises:
            Transient: It is not known whether one was made: nothing else has been written.
        """
        missing = sorted(set(accounts) - self._known.keys())
        self._refused = {}
        if not missing:
            return
        self._find(missing)
        missing = [one for one in missing if one not in self._known and one not in self._refused]
        writes = [self._creation(one) for one in missing]
        taken = []
        for account, answer in zip(missing, self._client.write(writes), strict=True):
            if isinstance(answer, OutcomeUnknown):
                raise Transient(
                    f"the item for account {account} may not be there yet: {answer}", code="item"
                )
            if not isinstance(answer, ConnectorError):
                self._known[account] = str(answer.values["Id"])
            elif answer.code == errors.DUPLICATE_NAME:
                taken.append(account)
            else:
                self._refused[account] = answer
        if taken:
            # Somebody else made it in between.
            self._find(taken)

    def _find(self, accounts: list[str]) -> None:
        by_name = {name_of(one).lower(): one for one in accounts}
        where = f"{any_of('Name', [name_of(one) for one in accounts])} and {ANY_STATE}"
        for row in self._client.query(Entity.ITEM, where).values:
            account = by_name.get(str(row.get("Name")).lower())
            if account is None:
                continue
            if _account_of(row) != account or row.get("Active") is False:
                self._refused[account] = _changed(row, account)
            else:
                self._known[account] = str(row.get("Id"))

    @staticmethod
    def _creation(account: str) -> Write:
        body = {"Name": name_of(account), "Type": "Service", "IncomeAccountRef": linked(account)}
        key = hashlib.sha256(f"item/{account}".encode()).hexdigest()[:32]
        return Write(Entity.ITEM, "create", body, key)

    def item_of(self, account: str) -> str:
        """The item for an account.

        Raises:
            ConnectorError: There is none, and none can be made.
        """
        if account in self._refused:
            raise self._refused[account]
        if account not in self._known:
            raise MappingMissing(f"account {account} has no item", code="no_item")
        return self._known[account]


def _account_of(row: Values) -> str | None:
    ref = row.get("IncomeAccountRef")
    return str(ref.get("value")) if isinstance(ref, dict) else None


def _changed(row: Values, account: str) -> ConnectorError:
    inactive = row.get("Active") is False
    why = "is inactive" if inactive else f"is booked to account {_account_of(row)} now"
    return errors.missing(
        "",
        f"the item {row.get('Name')!r} {why}: mend it, or name another one for account {account} "
        "in the connection's setting `items`",
        {"code": "item"},
    )
