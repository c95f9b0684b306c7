"""Which function does what a mutation asks for, and which right it needs."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from connectors.sage_active.simulation import (
    credit_notes,
    entries,
    entry_requests,
    parties,
    posting,
    purchases,
    sales,
)
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.settlements import settle
from connectors.sage_active.simulation.store import Books

Mutation = Callable[[Books, Row], Row]


def _posted(entry: Row) -> Row:
    made = {"accountingEntryId": entry["id"], "accountingEntryNumber": entry["number"]}
    return {**made, "accountingEntries": [made]}


def _entry_of(make: Mutation) -> Mutation:
    return lambda books, given: _posted(make(books, given))


MUTATIONS: Mapping[str, Mutation] = {
    "createCustomer": lambda books, given: parties.create_party(books, "customers", given),
    "updateCustomer": lambda books, given: parties.update_party(books, "customers", given),
    "deleteCustomer": lambda books, given: parties.delete_unused(books, "customers", given),
    "createSupplier": lambda books, given: parties.create_party(books, "suppliers", given),
    "updateSupplier": lambda books, given: parties.update_party(books, "suppliers", given),
    "deleteSupplier": lambda books, given: parties.delete_unused(books, "suppliers", given),
    "createProduct": parties.create_product,
    "updateProduct": parties.update_product,
    "deleteProduct": lambda books, given: parties.delete_unused(books, "products", given),
    "createAccountingAccount": parties.create_account,
    "updateAccountingAccount": parties.update_account,
    "deleteAccountingAccount": lambda books, given: parties.delete_unused(
        books, "accountingAccounts", given
    ),
    "createSalesInvoice": sales.create,
    "updateSalesInvoice": sales.update,
    "deleteSalesInvoice": sales.delete,
    "closeSalesInvoice": sales.close,
    "postSalesInvoice": _entry_of(posting.post_sales_invoice),
    "generateCreditNote": credit_notes.create,
    "salesOpenItemSettlement": _entry_of(lambda books, given: settle(books, "sales", given)),
    "createPurchaseInvoice": purchases.create,
    "updatePurchaseInvoice": purchases.update,
    "deletePurchaseInvoice": purchases.delete,
    "postPurchaseInvoice": _entry_of(posting.post_bill),
    "purchaseOpenItemSettlement": _entry_of(lambda books, given: settle(books, "purchase", given)),
    "createAccountingEntryUsingCodes": entry_requests.create_using_codes,
    "createAccountingEntryUsingIds": entry_requests.create_using_ids,
    "deleteAccountingEntry": entries.delete,
}


def right_for(operation: str) -> str:
    """A right's name, as errors show it: `add-product` for `createProduct`."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "-", operation).lower()
    verbs: dict[str, Any] = {"create": "add", "update": "edit"}
    first, _, rest = words.partition("-")
    return f"{verbs.get(first, first)}-{rest}" if rest else f"list-{first}"
