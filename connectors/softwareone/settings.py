"""What a connection to the SoftwareOne Marketplace needs to be told."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from connectors.base import ConnectorSettings

_Text = Annotated[str, Field(min_length=1, max_length=255)]


class AccountRole(StrEnum):
    """The kind of account that an API token belongs to; it decides what may be asked."""

    CLIENT = "client"
    VENDOR = "vendor"
    OPERATIONS = "operations"


class StatementLines(StrEnum):
    """How finely the entry of a statement is divided."""

    TOTAL = "total"  # one line with the statement's total
    CHARGES = "charges"  # a line for each item charged


class SoftwareOneCredentials(BaseModel):
    """An API token of one account."""

    model_config = {"extra": "forbid", "frozen": True}

    api_token: Annotated[SecretStr, Field(min_length=1)]


class SoftwareOneSettings(ConnectorSettings):
    """Whose documents are ours, and what becomes of them."""

    account_role: AccountRole = AccountRole.CLIENT
    """The kind of account that the token belongs to: client, vendor or operations."""
    account_id: _Text | None = None
    """The account (`ACC-…`). With it, a token of another account of the same kind is noticed."""
    buyers: tuple[_Text, ...] = ()
    """Buyers (`BUY-…`) that are this billing entity: a client's legal entities. For an
    operations account: only documents for these; none: for all."""
    sellers: tuple[_Text, ...] = ()
    """Sellers (`SEL-…`) that are this billing entity: the companies that an operations account
    invoices with. For a client: only documents from these; none: from all."""
    clients: tuple[_Text, ...] = ()
    """Only documents of these client accounts (`ACC-…`); none: of all."""
    documents: bool = True
    """Invoices and credit memos are read."""
    statements_as_entries: bool = False
    """Issued statements become journal entries. Where invoices are read as well, the same amount
    is posted twice unless one account clears the other: see the connector's README."""
    statement_lines: StatementLines = StatementLines.TOTAL
    """One line for a statement, or one for each item that its charges name."""
    statement_debit_account: _Text | None = None
    """Account that entries of statements debit: cost for a client, a receivable for operations."""
    statement_credit_account: _Text | None = None
    """Account that they credit: an accrual for a client, revenue for operations."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.account_role is AccountRole.CLIENT and not self.buyers:
            raise ValueError("buyers: name the buyers (BUY-…) that are this billing entity")
        if self.account_role is AccountRole.OPERATIONS and not self.sellers:
            raise ValueError("sellers: name the sellers (SEL-…) that are this billing entity")
        accounts = self.statement_debit_account and self.statement_credit_account
        if self.statements_as_entries and not accounts:
            raise ValueError(
                "statements_as_entries: name statement_debit_account and statement_credit_account"
            )
        return self
