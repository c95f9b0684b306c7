"""What is known of a company beyond its documents: each thing asked for once, and only when needed."""

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from connectors.base import Identity
from connectors.errors import Unavailable
from connectors.quickbooks.answers import Values, query_of
from connectors.quickbooks.client import PAGE_SIZE, Client
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.taxes import Taxes
from connectors.quickbooks.values import any_of, day_or_none
from connectors.quickbooks.wire import (
    AccountRow,
    CompanyRow,
    PreferencesRow,
    TaxCodeRow,
    TaxRateRow,
    Wire,
)

_Wire = TypeVar("_Wire", bound=Wire)
ANY_STATE = "Active in (true, false)"
_WHOLE = f"maxresults {PAGE_SIZE}"
_ALL_PAGES = 100


class Books:
    """One company's books, as far as writing and reading documents needs to know them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._accounts: dict[str, AccountRow] = {}
        self._known: tuple[CompanyRow, PreferencesRow] | None = None

    # Who, and how they keep their books: one call.

    @property
    def _about(self) -> tuple[CompanyRow, PreferencesRow]:
        if self._known is None:
            self._known = self._asked()
        return self._known

    def _asked(self, *, anew: bool = False) -> tuple[CompanyRow, PreferencesRow]:
        asked = [(what, query_of(what)) for what in ("CompanyInfo", "Preferences")]
        company, preferences = self.client.memo.once(
            "about", lambda: self.client.queries(asked), anew=anew
        )
        return _first(CompanyRow, company.values), _first(PreferencesRow, preferences.values)

    def identity(self, *, anew: bool = False) -> Identity:
        """Whose books these are; `anew`: as QuickBooks says now."""
        if anew:
            self._known = self._asked(anew=True)
        company, _ = self._about
        realm = self.client.realm
        name = company.company_name or company.legal_name or f"company {realm}"
        return Identity(realm, name, self.home_currency())

    def home_currency(self) -> str | None:
        """The currency of the books."""
        home = self._about[1].currency_prefs.home_currency
        return home.value if home else None

    @property
    def several_currencies(self) -> bool:
        """Whether documents name a currency: a switch that cannot be undone."""
        return bool(self._about[1].currency_prefs.multi_currency_enabled)

    @property
    def american(self) -> bool:
        """Whether there is one tax decision for a whole document, and lines are TAX or NON."""
        return (self._about[0].country or "").upper() in {"US", "USA"}

    @property
    def computes_tax(self) -> bool:
        """Whether QuickBooks computes sales tax from addresses."""
        return bool(self._about[1].tax_prefs.partner_tax_enabled)

    def closed_until(self) -> dt.date | None:
        """The day up to which, itself included, nothing can be written."""
        try:
            return day_or_none(self._about[1].accounting_info_prefs.book_close_date)
        except ValueError:
            return None

    # Reference data.

    @cached_property
    def taxes(self) -> Taxes:
        """Codes and rates, inactive ones too."""
        taxes: Taxes = self.client.memo.once("taxes", lambda: self.taxes_and_codes()[0])
        return taxes

    def taxes_and_codes(self) -> tuple[Taxes, list[Values]]:
        """The same with the codes as they came: one call where all have room in one answer."""
        asked = [
            (one, query_of(one, ANY_STATE, _WHOLE)) for one in (Entity.TAX_CODE, Entity.TAX_RATE)
        ]
        codes, rates = (rows.values for rows in self.client.queries(asked))
        if len(codes) + len(rates) >= PAGE_SIZE:
            codes, rates = self._whole(Entity.TAX_CODE), self._whole(Entity.TAX_RATE)
        taxes = Taxes(_readable(TaxCodeRow, codes), _readable(TaxRateRow, rates))
        return taxes, list(codes)

    def _whole(self, entity: Entity) -> list[Values]:
        found: list[Values] = []
        for _ in range(_ALL_PAGES):
            page = f"startposition {len(found) + 1} {_WHOLE}"
            rows = self.client.query(entity, ANY_STATE, more=page).values
            found += rows
            if len(rows) < PAGE_SIZE:
                break
        return found

    def accounts(self, ids: Iterable[str]) -> Mapping[str, AccountRow]:
        """Accounts by id: one call for those that are not known yet."""
        unknown = sorted(set(ids) - self._accounts.keys())
        if unknown:
            where = f"{any_of('Id', unknown)} and {ANY_STATE}"
            rows = _readable(AccountRow, self.client.query(Entity.ACCOUNT, where).values)
            self._accounts |= {row.id: row for row in rows if row.id}
        return self._accounts


def _first(cls: type[_Wire], values: Iterable[Values]) -> _Wire:
    found = _readable(cls, values)
    if not found:
        raise Unavailable(
            f"{cls.__name__} is missing in QuickBooks' answer", code="unreadable_answer"
        )
    return found[0]


def _readable(cls: type[_Wire], values: Iterable[Values]) -> list[_Wire]:
    found = []
    for one in values:
        try:
            found.append(cls.model_validate(one))
        except ValidationError:
            continue
    return found
