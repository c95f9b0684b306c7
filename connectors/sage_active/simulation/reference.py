"""Reference data of a sample company: accounts, journals, taxes, calendar, ways of paying."""

import calendar as months
import datetime as dt
from decimal import Decimal

from connectors.sage_active.simulation import parties
from connectors.sage_active.simulation.charts import COUNTRIES, Sample
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.store import Books

BEGAN = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)
"""When the seeded rows were made; what comes later is as of the clock."""
_ZERO = Decimal(0)
_BALANCE_SHEET = {
    "CUSTOMER",
    "PROVIDER",
    "BANK",
    "CASH",
    "CAPITAL",
    "FIXED_ASSET",
    "EMPLOYEE",
    "INPUT_TAX",
    "OUTPUT_TAX",
    "CURRENT_ASSETS_INPUT_TAX",
    "BORROWED_CAPITAL_OUTPUT_TAX",
    "UNDEFINED",
}


def organisation(made: Books, sample: Sample) -> None:
    """Countries, currency, analytical axes, and the organisation itself."""
    euro = made.insert("currencies", code="EUR", description="Euro", precision=2)
    for code, name, european in COUNTRIES:
        made.insert("countries", isoCodeAlpha2=code, name=name, isEuropeanUnion=european)
    for code, name in (("01", "National"), ("02", "European Union"), ("06", "Other")):
        made.insert("documentTypes", code=code, name=name)
    for name, tags in (("Department", ("Sales", "Workshop")), ("Warehouse", ("North", "South"))):
        values = [{"id": made.new_id(), "name": tag} for tag in tags]
        made.insert("dimensions", name=name, tags=values)
    address = {"firstLine": "1 Main Street", "city": sample.town, "zipCode": sample.zip_code}
    made.organisation = {
        "id": made.new_id(),
        "creationDate": BEGAN,
        "modificationDate": None,
        "onboardingCompleted": True,
        "onboardingDateCompleted": BEGAN,
        "legislationCode": made.legislation,
        "socialName": sample.name,
        "documentId": sample.document_id,
        "vatNumber": sample.vat_number,
        "nafApeCode": "6201Z" if made.legislation == "FR" else None,
        "vatCriterion": False if made.legislation != "ES" else None,
        "useWithholdingForSales": made.legislation == "ES",
        "currencyId": euro["id"],
        "addresses": [parties.child(made, {**address, "countryIsoCodeAlpha2": made.legislation})],
        "contacts": [],
        "datevConsultantNumber": "1001" if made.legislation == "DE" else None,
        "datevClientNumber": "10001" if made.legislation == "DE" else None,
        "tenantId": made.new_id(),
    }


def accounts(made: Books, sample: Sample) -> None:
    """The chart of accounts, and which account is the usual one for what."""
    for code, name in sample.headings:
        _account(made, code, name, "UNDEFINED", level="GROUP")
    for code, name, kind in sample.accounts:
        _account(made, code, name, kind, deactivated=code == sample.archived)
    ids = {row["code"]: row["id"] for row in made.rows("accountingAccounts")}
    made.setup = {name: ids[code] for name, code in sample.defaults.items()}
    made.setup |= {
        "subAccountingLength": sample.code_length,
        "openItemsAutomaticAllocation": False,
        "withholdingPercentage": Decimal(15),
    }


def _account(
    made: Books,
    code: str,
    name: str,
    kind: str,
    *,
    level: str = "SUB_ACCOUNT",
    deactivated: bool = False,
) -> None:
    made.insert(
        "accountingAccounts",
        code=code,
        name=name,
        description=f"{code} {name}",
        deactivated=deactivated,
        accountLevel=level,
        accountType="BALANCE_SHEET" if kind in _BALANCE_SHEET else "INCOME_STATEMENT",
        subAccountType=kind,
        taxTreatmentId=None,
        applyVat=kind in {"REVENUE", "CHARGE"},
        transitionalPrepaymentAccountId=None,
        yearEndClosingAccountId=None,
        accountingAccountDimensionTags=[],
    )


def journals(made: Books, sample: Sample) -> None:
    """Journals, sessions (Germany) and prefixes of numbers."""
    listed: list[tuple[str, str, str, str | None]] = [(*one, None) for one in sample.journals]
    if made.legislation == "ES":
        listed += [
            (f"REC{number}", f"Rectificativas R{number}", "SALES_INVOICE", f"R{number}")
            for number in range(1, 6)
        ]
    else:
        listed.append(("CN", "Credit notes", "SALES_INVOICE", "UNDEFINED"))
    for code, name, kind, reason in listed:
        made.insert(
            "journalTypes",
            code=code,
            name=name,
            type=kind,
            deactivated=False,
            accountingAccountId=None,
            isCreditNote=reason is not None,
            creditNoteReason=reason if made.legislation == "ES" else None,
        )
    bank, cash = made.where("journalTypes", type="FINANCIAL")
    made.setup |= {"defaultBankJournalTypeId": bank["id"], "defaultCashJournalTypeId": cash["id"]}
    made.sales_setup = {
        f"default{side}PostingInvoiceJournalTypeId": made.one(
            "journalTypes", type=f"{kind}_INVOICE"
        )["id"]
        for side, kind in (("Sales", "SALES"), ("Purchase", "PURCHASE"))
    }
    if made.legislation == "DE":
        for name, default in (("Automatisch erstellt", True), ("Lohnbuchhaltung", False)):
            session = made.insert(
                "accountingEntrySessions",
                name=name,
                stamp=f"{name} 12.01.2026 09:00",
                isDefault=default,
                deactivated=False,
            )
            if default:
                for side in ("Sales", "Purchase"):
                    made.sales_setup[f"default{side}PostingInvoiceSessionId"] = session["id"]
    for operation, text in (
        ("SALES_INVOICE", sample.invoice_prefix),
        ("CREDIT_NOTE", sample.credit_prefix),
    ):
        made.insert(
            "operationalNumberPresetTexts", presetText=text, operation=operation, isDefault=True
        )


def taxes(made: Books, sample: Sample) -> None:
    """Tax groups, taxes and tax codes; some accounts carry a tax code."""
    for rate, sold_by in zip(sample.rates, sample.sales_accounts, strict=True):
        group = _tax_group(made, sample.tax_type, rate.group, rate.name, taxed=bool(rate.percent))
        _tax(made, group, rate.percent, 2014, surcharge=rate.surcharge)
        if rate.group == "NORMAL":
            _tax(made, group, Decimal("19.6"), 2000, inactive=True)
        issued = _treatment(made, group, "ISSUED", f"V{rate.percent}", rate.output_account)
        received = _treatment(made, group, "RECEIVED", f"A{rate.percent}", rate.input_account)
        sold = made.one("accountingAccounts", code=sold_by)
        sold["taxTreatmentId"] = issued["id"]
        if rate is sample.rates[0]:
            made.setup["defaultTaxGroupId"] = group["id"]
            for code in sample.purchase_accounts:
                made.one("accountingAccounts", code=code)["taxTreatmentId"] = received["id"]
    for code, name in (("INTRA", "Intra-community"), ("EXPORT", "Export")):
        group = _tax_group(made, "FOREIGN", code, name, taxed=False)
        _tax(made, group, _ZERO, 2014)
        _treatment(made, group, "ISSUED", f"V-{code}", "", intra=code == "INTRA")
        _treatment(made, group, "RECEIVED", f"A-{code}", "", intra=code == "INTRA")
    if made.legislation == "ES":
        group = _tax_group(made, "IRPF", "IRPF", "IRPF 15 %", taxed=False)
        _tax(made, group, Decimal(15), 2015)


def _tax_group(made: Books, kind: str, code: str, name: str, *, taxed: bool) -> Row:
    return made.insert(
        "taxGroups",
        name=name,
        taxGroupCode=code,
        vatTaxation="TAXABLE" if taxed else "NOT_TAXABLE",
        taxType=kind,
    )


def _tax(
    made: Books,
    group: Row,
    percent: Decimal,
    year: int,
    *,
    surcharge: Decimal = _ZERO,
    inactive: bool = False,
) -> None:
    made.insert(
        "taxes",
        name=f"{group['name']}",
        percentage=percent,
        groupId=group["id"],
        groupName=group["name"],
        effectiveDate=dt.datetime(year, 1, 1, tzinfo=dt.UTC),
        inactive=inactive,
        inactivationDate=dt.datetime(2014, 1, 1, tzinfo=dt.UTC) if inactive else None,
        taxType=group["taxType"],
        equivalenceSurchargePercentage=surcharge,
        hasEquivalenceSurcharge=bool(surcharge),
    )


def _treatment(
    made: Books, group: Row, register: str, code: str, account: str, *, intra: bool = False
) -> Row:
    found = made.where("accountingAccounts", code=account)
    return made.insert(
        "taxTreatments",
        taxCode=code,
        description=f"{group['name']}, {register.lower()}",
        registerType=register,
        isIntracomunity=intra,
        taxGroupId=group["id"],
        taxType=group["taxType"],
        inactive=False,
        inputAccountingAccount=found if register == "RECEIVED" else [],
        outputAccountingAccount=found if register == "ISSUED" else [],
    )


def calendar(made: Books) -> None:
    """2024 is closed; everything from 2025 to the year after the present one is open."""
    for year in range(2024, max(2027, made.clock.now().year + 1) + 1):
        exercise = made.insert(
            "accountingExercises",
            exercise=year,
            description=f"{year}",
            startDate=dt.datetime(year, 1, 1, tzinfo=dt.UTC),
            endDate=dt.datetime(year, 12, 31, tzinfo=dt.UTC),
            numberPeriods=12,
            status="CLOSED" if year == 2024 else "OPEN",  # noqa: PLR2004  # see above
        )
        for month in range(1, 13):
            last = months.monthrange(year, month)[1]
            made.insert(
                "accountingPeriods",
                accountingExerciseId=exercise["id"],
                startDate=dt.datetime(year, month, 1, tzinfo=dt.UTC),
                endDate=dt.datetime(year, month, last, tzinfo=dt.UTC),
                month=month,
                isClosed=exercise["status"] == "CLOSED",
            )


def payments(made: Books, sample: Sample) -> None:
    """Ways of paying, terms of payment, bank and cash."""
    for text in ("Transfer", "Direct debit", "Card"):
        made.insert("paymentMeans", description=text, type="UNDEFINED", inactive=False)
    mean = made.rows("paymentMeans")[0]["id"]
    terms = {
        "order": 9999,
        "type": "REMAINING_AMOUNT",
        "value": _ZERO,
        "condition": "DAY_OF_PAYMENT",
        "day": 30,
        "paymentMeanId": mean,
    }
    made.insert("paymentTerms", name="30 days", lines=[parties.child(made, terms)])
    for name, kind, which in (
        (sample.bank, "BANK_ACCOUNT", "Bank"),
        (sample.cash, "CASH", "Cash"),
    ):
        made.insert(
            "paymentMethods",
            referenceName=name,
            type=kind,
            disabled=False,
            journalTypeId=made.setup[f"default{which}JournalTypeId"],
            subAccountId=made.setup[f"default{which}AccountId"],
        )
