"""Business errors: HTTP 200 with `<module>.businessErrors.<name>`.

`DOCUMENTED` are names that Sage's pages or a production client show. Hundreds more exist that
nobody has published; those we had to make up are in `INVENTED` and nowhere else, so that a client
that branches on one of them can be caught.
"""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
"""A record under the API's field names; amounts are `Decimal`, moments aware `datetime`s."""

DOCUMENTED = {
    "global.businessErrors.documentIdAlreadyExistInOrganization": "The identification number is already used.",
    "global.businessErrors.vatNumberAlreadyExistInOrganization": "The VAT number is already used.",
    "global.businessErrors.invalidESVatNumber": "The VAT number is not valid.",
    "global.businessErrors.authorizationPolicy": "Your role does not allow this.",
    "global.businessErrors.authorizationFeature": "Your plan does not include this.",
    "global.businessErrors.unknownActionNames": "An action's name is not known.",
    "accounting.businessErrors.invalidAccountingEntryLineAmount": "The amount of a line is not valid.",
    "sales.businessErrors.codeCannotContainBlankSpaces": "A code cannot contain blanks.",
}
INVENTED = {
    "global.businessErrors.recordNotFound": "The record does not exist.",
    "global.businessErrors.maxLengthExceeded": "A text is too long.",
    "global.businessErrors.codeAlreadyExistInOrganization": "The code is already used.",
    "global.businessErrors.invalidCode": "The code does not fit the rules for codes.",
    "global.businessErrors.recordInUse": "The record is used and cannot be deleted.",
    "global.businessErrors.invalidPaymentTermLines": "The terms of payment do not add up.",
    "accounting.businessErrors.accountingEntryNotBalanced": "Debits and credits differ.",
    "accounting.businessErrors.accountingEntryWithoutLines": "An entry needs at least two lines.",
    "accounting.businessErrors.accountingPeriodClosed": "The period is closed.",
    "accounting.businessErrors.accountingExerciseNotOpen": "No open exercise has this date.",
    "accounting.businessErrors.accountingAccountNotFound": "The account does not exist.",
    "accounting.businessErrors.accountingAccountDeactivated": "The account is deactivated.",
    "accounting.businessErrors.accountingAccountNotSubAccount": "Entries go to sub-accounts only.",
    "accounting.businessErrors.journalTypeNotFound": "The journal does not exist.",
    "accounting.businessErrors.journalTypeDeactivated": "The journal is deactivated.",
    "accounting.businessErrors.journalTypeNotAllowed": "The journal is of another kind.",
    "accounting.businessErrors.thirdPartyNotFound": "The third party does not exist.",
    "accounting.businessErrors.thirdPartyNotAllowed": "A line on this account has no third party.",
    "accounting.businessErrors.documentNumberRequired": "The document number is mandatory.",
    "accounting.businessErrors.descriptionRequired": "The description is mandatory.",
    "accounting.businessErrors.accountingEntryClosed": "The entry is closed.",
    "accounting.businessErrors.accountingEntryMatched": "A line of the entry is matched.",
    "accounting.businessErrors.accountingEntryFromDocument": "The entry was made from a document.",
    "accounting.businessErrors.accountingAccountLevel": "The account has entries.",
    "accounting.businessErrors.paymentMethodDisabled": "The bank account is disabled.",
    "accounting.businessErrors.openItemNotFound": "The open item does not exist.",
    "accounting.businessErrors.openItemOfAnotherThirdParty": "The open item is somebody else's.",
    "accounting.businessErrors.openItemOverpaid": "More is paid than is open.",
    "accounting.businessErrors.invalidPaidAmount": "The paid amount is not valid.",
    "accounting.businessErrors.settlementWithoutOpenItems": "A settlement needs an open item.",
    "sales.businessErrors.socialNameRequired": "The name of the customer is mandatory.",
    "sales.businessErrors.documentIdRequired": "The identification number is mandatory.",
    "sales.businessErrors.vatNumberRequired": "The VAT number is mandatory.",
    "sales.businessErrors.operationDateAfterDocumentDate": "The operation is after the document.",
    "sales.businessErrors.documentWithoutLines": "A document needs a line.",
    "sales.businessErrors.customerBlocked": "The customer cannot be invoiced.",
    "sales.businessErrors.supplierBlocked": "The supplier is disabled.",
    "sales.businessErrors.productBlocked": "The product cannot be sold.",
    "sales.businessErrors.taxNotFound": "No active tax has this rate.",
    "sales.businessErrors.salesInvoiceNotPending": "Only a draft can be changed or deleted.",
    "sales.businessErrors.salesInvoiceNotClosed": "Only a closed invoice can be posted.",
    "sales.businessErrors.salesInvoiceNotCreditable": "Only a closed or posted invoice can be credited.",
    "sales.businessErrors.creditNoteQuantityExceeded": "More is credited than was invoiced.",
    "sales.businessErrors.operationalNumberAlreadyExist": "The number is already used.",
    "sales.businessErrors.purchaseInvoiceNotPending": "Only a pending invoice can be changed.",
    "sales.businessErrors.purchaseInvoiceNumberRequired": "The number of the invoice is mandatory.",
    "sales.businessErrors.purchaseInvoiceTotalsMismatch": "The total is not the sum of the lines.",
}
TEXTS = {**DOCUMENTED, **INVENTED}


class BusinessError(Exception):
    """What Sage Active refuses; several reasons may come at once."""

    def __init__(self, *names: str, **details: Any) -> None:
        """Names are `module.name`; details go out in `extensions.details`."""
        full = [name.replace(".", ".businessErrors.", 1) for name in names]
        if unknown := [name for name in full if name not in TEXTS]:
            raise LookupError(f"{unknown[0]} is in no list")
        super().__init__(*full)
        self.codes: tuple[str, ...] = tuple(full)
        self.details = details


def refuse_if(wrong: object, name: str, **details: Any) -> None:
    """Refuse when something is wrong."""
    if wrong:
        raise BusinessError(name, **details)


def collect(reasons: Iterable[tuple[object, str]]) -> None:
    """Refuse with all reasons that hold, as the API does."""
    if names := [name for wrong, name in reasons if wrong]:
        raise BusinessError(*names)
