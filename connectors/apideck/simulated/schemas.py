"""The bodies that the API describes: names, types, and nothing else comes in.

A type is a word (`text`, `number`, `whole`, `bool`, `day`, `moment`, `currency`, `any`), values
to choose from (`=a|b`), the name of another schema, or a list of one of them (`[line]`). A `?` at
the end allows null, a `!` demands the member.

Source: the public OpenAPI document 10.34.0 and the models of the official Python SDK 0.52.0, both
read 2026-11-21. Read-only members are not among them: that they are refused is ours, as is the
wording of refusals. `supplier.id` in a payment is read-only too, but the guide "Mark invoices and
bills as paid" sends it: it is let in.
"""

from collections.abc import Mapping

Schema = Mapping[str, str]


def _all(names: str, kind: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), kind)


_LINKED = {"id": "text", "code": "text?", "name": "text?"}
_ACCOUNT = _all("name nominal_code code parent_id display_id", "text?") | {"id": "text"}
_RATE = {"id": "text?", "code": "text?", "rate": "number?"}
_ADDRESS = _all(
    "id string name line1 line2 line3 line4 line5 street_number city state postal_code country "
    "latitude longitude county contact_name salutation phone_number fax email website notes "
    "row_version",
    "text?",
) | {"type": "=primary|secondary|home|office|shipping|billing|work|other?"}
_BANK_ACCOUNT = _all(
    "bank_name account_number account_name account_type iban bic routing_number bsb_number "
    "branch_identifier bank_code country",
    "text?",
) | {"currency": "currency?"}

_LINE = (
    _all(
        "code description unit_of_measure category_id location_id department_id subsidiary_id "
        "shipping_id memo tax_applicable_on tax_recoverability tax_method row_version",
        "text?",
    )
    | _all("tax_amount total_amount quantity unit_price discount_percentage", "number?")
    | {
        "row_id": "text",
        "line_number": "whole?",
        "discount_amount": "number?",
        "prepaid": "bool?",
        "item": "item",
        "tax_rate": "rate",
        "ledger_account": "account?",
        "tracking_categories": "[tracking]?",
        "worktags": "[any]",
    }
)
_DOCUMENT = (
    _all(
        "company_id location_id department_id reference tax_code terms terms_id row_version",
        "text?",
    )
    | _all("currency_rate sub_total total_tax balance", "number?")
    | {
        "subsidiary": "subsidiary?",
        "currency": "currency?",
        "tax_inclusive": "bool?",
        "tracking_categories": "[tracking]?",
        "custom_fields": "[custom_field]",
        "pass_through": "[pass_through]",
    }
)
_BILLING = (
    _all("display_id po_number source_document_url payment_method channel language", "text?")
    | _all("total deposit discount_percentage", "number?")
    | {
        "template_id": "text?",
        "accounting_by_row": "bool?",
        "bank_account": "bank_account",
        "ledger_account": "account?",
        "due_date": "day?",
        "payment_allocations": "[paid]?",
    }
)
_PAYMENT = _all(
    "reference payment_method payment_method_reference payment_method_id company_id note "
    "number row_version display_id",
    "text?",
) | {
    "total_amount": "number?!",
    "transaction_date": "moment?!",
    "currency": "currency?",
    "currency_rate": "number?",
    "account": "account?",
    "subsidiary": "subsidiary?",
    "supplier": "supplier?",
    "reconciled": "bool?",
    "status": "=draft|authorised|rejected|paid|voided|deleted",
    "tracking_categories": "[tracking]?",
    "custom_fields": "[custom_field]",
    "pass_through": "[pass_through]",
}
_PAYABLE = (
    "accounts_payable|accounts_payable_credit|accounts_payable_overpayment|"
    "accounts_payable_prepayment"
)
_RECEIVABLE = _PAYABLE.replace("payable", "receivable")
_PARTY = (
    _all(
        "display_id display_name company_name company_id title first_name middle_name last_name "
        "suffix notes tax_number payment_method terms terms_id channel row_version",
        "text?",
    )
    | _all("individual taxable", "bool?")
    | {
        "subsidiary": "subsidiary?",
        "addresses": "[address]",
        "phone_numbers": "[phone]",
        "emails": "[email]",
        "websites": "[website]",
        "bank_accounts": "[bank_account]",
        "tax_rate": "rate",
        "currency": "currency?",
        "account": "account?",
        "status": "=active|inactive|archived|gdpr-erasure-request|unknown?",
        "custom_fields": "[custom_field]",
        "pass_through": "[pass_through]",
    }
)
_TRADED = {
    "unit_price": "number?",
    "unit_of_measure": "text?",
    "tax_inclusive": "bool?",
    "tax_rate": "rate",
}

SCHEMAS: Mapping[str, Schema] = {
    "invoices": _DOCUMENT
    | _BILLING
    | {
        "type": "=standard|credit|service|product|supplier|other?",
        "number": "text?",
        "customer": "customer?",
        "invoice_date": "day?",
        "status": "=draft|submitted|authorised|partially_paid|paid|unpaid|void|credit|deleted|"
        "posted?",
        "invoice_sent": "bool",
        "discount_amount": "number?",
        "customer_memo": "text?",
        "tracking_category": "any?",
        "line_items": "[line]",
        "billing_address": "address",
        "shipping_address": "address",
    },
    "bills": _DOCUMENT
    | _BILLING
    | {
        "bill_number": "text?",
        "supplier": "supplier?",
        "bill_date": "day?",
        "paid_date": "day?",
        "notes": "text?",
        "status": "=draft|submitted|authorised|partially_paid|paid|void|credit|deleted|posted?",
        "line_items": "[bill_line]",
        "approved_by": "text?",
        "amortization_type": "=manual|receipt|schedule|other?",
        "tax_method": "text?",
        "document_received": "bool?",
        "accounting_period": "text?",
        "attachments": "[any]",
    },
    "credit-notes": _DOCUMENT
    | {
        "total_amount": "number!",
        "number": "text?",
        "customer": "customer?",
        "remaining_credit": "number?",
        "status": "=draft|authorised|posted|partially_paid|paid|voided|deleted",
        "date_issued": "moment",
        "date_paid": "moment?",
        "type": "=accounts_receivable_credit|accounts_payable_credit",
        "account": "account?",
        "line_items": "[line]",
        "allocations": "[allocation]",
        "note": "text?",
        "billing_address": "address",
        "shipping_address": "address",
    },
    "payments": _PAYMENT
    | {
        "customer": "customer?",
        "type": f"={_RECEIVABLE}|{_PAYABLE}",
        "allocations": "[allocation]",
        "accounts_receivable_account_type": "text?",
        "accounts_receivable_account_id": "text?",
    },
    "bill-payments": _PAYMENT | {"type": f"={_PAYABLE}", "allocations": "[bill_allocation]"},
    "tax-rates": _all(
        "id display_id code description country tax_payable_account_id tax_remitted_account_id "
        "type report_tax_type original_tax_rate_id row_version",
        "text?",
    )
    | {
        "name": "text",
        "effective_tax_rate": "number?",
        "total_tax_rate": "number?",
        "components": "[component]?",
        "status": "=active|inactive|archived?",
        "pass_through": "[pass_through]",
        "subsidiaries": "[any]",
        "custom_fields": "[custom_field]",
    },
    "customers": _PARTY | {"customer_category": "text?", "project": "bool?", "parent": "parent?"},
    "suppliers": _PARTY
    | _all("supplier_category issued_method issued_email", "text?")
    | {"tax_details": "[any]", "tax_status_details": "[any]"}
    | {"subsidiary_id": "text", "integration_system_id": "text"},
    "ledger-accounts": _all(
        "nominal_code code sub_type name fully_qualified_name description tax_type row_version",
        "text?",
    )
    | _all("opening_balance current_balance level", "number?")
    | _all("active header sub_account", "bool?")
    | {
        "display_id": "text",
        "classification": "=asset|equity|expense|liability|revenue|income|other_income|"
        "other_expense|costs_of_sales|other?",
        "type": "=accounts_payable|accounts_receivable|balancesheet|bank|costs_of_sales|"
        "credit_card|current_asset|current_liability|equity|expense|fixed_asset|"
        "non_current_asset|non_current_liability|other_asset|other_expense|other_income|"
        "other_liability|revenue|sales|other",
        "currency": "currency?",
        "tax_rate": "rate",
        "status": "=active|inactive|archived?",
        "bank_account": "bank_account",
        "parent_account": "parent_account",
        "last_reconciliation_date": "day?",
        "subsidiaries": "[any]",
        "custom_fields": "[custom_field]",
        "pass_through": "[pass_through]",
    },
    "invoice-items": _all(
        "name description display_id code department_id location_id subsidiary_id category_id "
        "tax_schedule_id row_version",
        "text?",
    )
    | _all("sold purchased tracked taxable active", "bool?")
    | _all("quantity unit_price", "number?")
    | _all("asset_account income_account expense_account", "account?")
    | {
        "inventory_date": "day?",
        "type": "=inventory|non_inventory|service|description|other?",
        "sales_details": "traded",
        "purchase_details": "traded",
        "currency": "currency?",
        "tracking_category": "any?",
        "tracking_categories": "[tracking]?",
        "pass_through": "[pass_through]",
    },
    "journal-entries": _all(
        "display_id title company_id memo journal_symbol tax_type tax_code number "
        "accounting_period source_type source_id row_version",
        "text?",
    )
    | {
        "currency": "currency?",
        "currency_rate": "number?",
        "subsidiary": "subsidiary?",
        "line_items": "[entry_line]",
        "status": "=draft|pending_approval|approved|posted|voided|rejected|deleted|other?",
        "posted_at": "moment",
        "tracking_categories": "[tracking]?",
        "tax_inclusive": "bool?",
        "attachments": "[any]",
        "custom_fields": "[custom_field]",
        "pass_through": "[pass_through]",
    },
    "line": _LINE
    | {
        "id": "text?",
        "type": "=sales_item|discount|info|sub_total|service|other?",
        "service_date": "day?",
        "custom_fields": "[custom_field]",
    },
    "bill_line": _LINE
    | {
        "type": "=expense_item|expense_account|other?",
        "retention_amount": "number?",
        "payment_amount": "number?",
        "purchase_order": "any?",
        "customer": "customer?",
        "rebilling": "any?",
    },
    "entry_line": {
        "type": "=debit|credit?!",
        "ledger_account": "account?!",
        "tax_rate": "rate",
        "customer": "customer?",
        "supplier": "supplier?",
        "employee": "any?",
        "tax_type": "=sales|purchase?",
        "tracking_category": "any?",
        "tracking_categories": "[tracking]?",
        "line_number": "whole?",
        "worktags": "[any]",
        "date": "day?",
    }
    | _all("description department_id location_id source_id", "text?")
    | _all("tax_amount sub_total total_amount base_currency_amount", "number?"),
    "allocation": {
        "id": "text",
        "type": "=invoice|order|expense|credit_memo|over_payment|pre_payment|journal_entry|other|"
        "bill",
        "amount": "number?",
        "allocation_id": "text",
    },
    "bill_allocation": {
        "id": "text?",
        "type": "=bill|expense|credit_memo|over_payment|pre_payment|journal_entry|other",
        "amount": "number?",
        "allocation_id": "text",
    },
    "paid": {"id": "text", "allocated_amount": "number?", "date": "moment?"},
    "customer": {"id": "text", "display_name": "text?", "name": "text", "email": "text"},
    "supplier": {"id": "text", "display_name": "text?", "address": "address"},
    "subsidiary": {"display_id": "text?", "name": "text?"},
    "account": _ACCOUNT,
    "parent_account": {"id": "text", "name": "text", "display_id": "text"},
    "parent": {"id": "text!", "name": "text"},
    "rate": _RATE,
    "item": _LINKED | {"id": "text?"},
    "component": {"id": "text?", "name": "text", "rate": "number?", "compound": "bool?"},
    "traded": _TRADED,
    "tracking": _LINKED | {"parent_id": "text", "parent_name": "text?"},
    "address": _ADDRESS,
    "bank_account": _BANK_ACCOUNT,
    "phone": _all("id country_code area_code extension type", "text?") | {"number": "text!"},
    "email": {
        "email": "text?!",
        "id": "text?",
        "type": "=primary|secondary|work|personal|billing|other?",
    },
    "website": {"url": "text!", "id": "text?", "type": "text?"},
    "custom_field": _all("name ref_name description", "text?") | {"id": "text?!", "value": "any?"},
    "pass_through": {
        "service_id": "text!",
        "operation_id": "text",
        "extend_object": "object",
        "extend_paths": "[extend_path]",
    },
    "extend_path": {"path": "text!", "value": "any!"},
}
