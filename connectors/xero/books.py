"""What is read once for a piece of work: the organisation, its accounts and its items."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError

from connectors.errors import Cause, MappingMissing, Unavailable
from connectors.xero import errors
from connectors.xero.client import Client, Values
from connectors.xero.values import currency
from connectors.xero.wire import LineRow, OrganisationRow


class Books:
    """One organisation, as far as its documents need to know it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._organisation: OrganisationRow | None = None
        self._accounts: tuple[dict[str, str], dict[str, str]] | None = None
        self._items: tuple[dict[str, str], dict[str, str]] | None = None
        self._item_rows: Sequence[Values] | None = None

    def organisation(self, *, anew: bool = False) -> OrganisationRow:
        """The organisation itself; asked for once, or anew."""
        if self._organisation is None or anew:
            rows = self._list("Organisation", anew=anew)
            try:
                (self._organisation,) = [OrganisationRow.of(one) for one in rows]
            except ValueError:
                raise Unavailable(
                    "the organisation cannot be read in Xero's answer", code="unreadable_answer"
                ) from None
        return self._organisation

    def _list(self, endpoint: str, *, anew: bool = False) -> Sequence[Values]:
        """A short list; connectors that work side by side read it once."""
        found: Sequence[Values] = self.client.memo.once(
            endpoint, lambda: self.client.page(endpoint, {}).values, anew=anew
        )
        return found

    def base_currency(self) -> str:
        """The currency of the books."""
        return currency(self.organisation().base_currency)

    def locked_until(self) -> date | None:
        """The last day that is locked; what is dated on or before it is refused."""
        known = self.organisation()
        locks = (known.period_lock_date, known.end_of_year_lock_date)
        return max((one.date() for one in locks if one), default=None)

    def require_open(self, day: date, what: str) -> None:
        """Fail early, and clearly, on a day that is locked.

        Raises:
            Rejected: It is.
        """
        until = self.locked_until()
        if until is not None and day <= until:
            raise errors.period_closed(until, what)

    # Accounts: their ids stay, but lines are written by code.

    def learn_accounts(self, rows: Sequence[Values]) -> None:
        """Remember the whole list."""
        pairs = [
            (str(one["AccountID"]), str(one["Code"]))
            for one in rows
            if one.get("AccountID") and one.get("Code")
        ]
        self._accounts = dict(pairs), {code: account for account, code in pairs}

    def _account_maps(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        if self._accounts is None:
            self.learn_accounts(self._list("Accounts"))
        assert self._accounts is not None  # noqa: S101  # just learned
        return self._accounts

    def account_on_line(self, account_id: str | None) -> dict[str, str]:
        """How a line names an account: bank accounts may lack a code."""
        if account_id is None:
            return {}
        code = self._account_maps()[0].get(account_id)
        return {"AccountCode": code} if code else {"AccountID": account_id}

    def account_id(self, account_id: str | None, code: str | None) -> str | None:
        """The account that a line names."""
        if account_id or not code:
            return account_id
        return self._account_maps()[1].get(code)

    # Items: the same.

    def item_rows(self) -> Sequence[Values]:
        """All items."""
        if self._item_rows is None:
            self._item_rows = self._list("Items")
        return self._item_rows

    def _item_maps(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        if self._items is None:
            pairs = [
                (str(one["ItemID"]), str(one["Code"]))
                for one in self.item_rows()
                if one.get("ItemID") and one.get("Code")
            ]
            self._items = dict(pairs), {code: item for item, code in pairs}
        return self._items

    def item_code(self, item_id: str) -> str:
        """The code by which lines name an item.

        Raises:
            MappingMissing: The item is gone.
        """
        code = self._item_maps()[0].get(item_id)
        if code is None:
            message = f"the item {item_id} is not in Xero any more"
            cause = Cause("refused", message, {"message": message})
            raise MappingMissing(message, code="item", cause=cause)
        return code

    def item_of(self, line: LineRow) -> str | None:
        """The item that a line names."""
        if line.item and line.item.item_id:
            return line.item.item_id
        code = (line.item and line.item.code) or line.item_code
        return self._item_maps()[1].get(code) if code else None

    def forget_items(self) -> None:
        """Items have been written: what was read may be old."""
        self._items = self._item_rows = None


def readable(cls: type[Any], values: Values) -> Any:
    """A row, or a `ValueError` in words."""
    try:
        return cls.of(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else str(first["msg"])) from None
