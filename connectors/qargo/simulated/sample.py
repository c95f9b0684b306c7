"""What `ledgerbridge sandbox qargo` begins with: a haulier, three entities, some weeks of work."""

import datetime as dt
import random
from typing import TYPE_CHECKING

from connectors.qargo.simulated.lines import Line
from connectors.qargo.simulated.store import SubjectType

if TYPE_CHECKING:
    from connectors.qargo.simulated.office import Office

SALES, SALES_CREDIT = SubjectType.SALES_INVOICE, SubjectType.SALES_CREDIT_NOTE
PURCHASE, PURCHASE_CREDIT = SubjectType.PURCHASE_INVOICE, SubjectType.PURCHASE_CREDIT_NOTE
_CUSTOMERS = (("Orchard Foods", "NL"), ("Delta Paper", "BE"), ("Rhine Steel", "DE"))
_SUPPLIERS = (("Kade Transport", "NL"), ("Meuse Barges", "BE"))
_FUEL = Line("48.16", "Fuel surcharge", code="FUEL", account="701000")
_CUSTOMS = Line("35.00", "Customs clearance", tax="zero", code="CUSTOMS", account="701000")
_EXACT = (
    # 2334.50 at 21 % is 490.245: floats and half-even rounding both make 490.24 of it.
    Line("1234.10", "Venlo to Duisburg"),
    Line("0.20", "Toll, rounding of October"),
    Line("1100.20", "Duisburg to Venlo"),
)
_SPLIT = Line("1000.01", "Ghent to Milan", split=("0.333", "0.333", "0.334"))
"""Parts that come out even only because the last one takes what is left."""


def fill(office: "Office", seed: int) -> None:
    """Make entities, companies and documents; equal seeds make equal ones."""
    chance = random.Random(seed)  # noqa: S311  # sample data, not secrets
    for code in ("NL", "BE", "DE"):
        office.add_entity(code)
    customers = [office.add_company(name, country=land).id for name, land in _CUSTOMERS]
    suppliers = [
        office.add_company(name, supplier=True, country=land).id for name, land in _SUPPLIERS
    ]

    def some(name: str) -> Line:
        return Line(f"{chance.randint(18_000, 240_000) / 100:.2f}", name)

    def day() -> dt.date:
        return dt.date(2026, 10, 12) + dt.timedelta(days=chance.randint(0, 35))

    for place, code in enumerate(("NL", "BE", "DE")):
        customer = customers[place]
        abroad = Line("640.00", "Crossing to Dover", tax="reverse")
        sold = [
            office.add_invoice(code, lines=lines, date=day(), company=customer)
            for lines in (
                (some("Full load"), _FUEL),
                (some("Groupage"), Line("12.40", "Pallets", tax="reduced"), _CUSTOMS),
                (abroad,),
            )
        ]
        supplier = suppliers[place % len(suppliers)]
        bought = office.add_invoice(
            code,
            kind=PURCHASE,
            lines=(Line("412.50", "Subcontracted trip"),),
            date=day(),
            company=supplier,
            external_name=f"KT/{chance.randint(1000, 9999)}",
        )
        office.add_invoice(
            code,
            kind=SALES_CREDIT,
            lines=(Line("48.16", "Fuel surcharge, charged twice", code="FUEL", account="701000"),),
            date=dt.date(2026, 11, 18),
            company=customer,
            credit_of=sold[0].document_id,
        )
        office.add_invoice(
            code,
            kind=PURCHASE_CREDIT,
            lines=(Line("12.50", "Late delivery"),),
            date=dt.date(2026, 11, 19),
            company=supplier,
            credit_of=bought.document_id,
        )
    office.add_invoice("NL", lines=_EXACT, company=customers[0], references=("PO 4500017",))
    office.add_invoice("NL", lines=(_SPLIT, _FUEL), company=customers[1])
    office.add_invoice(
        "NL", lines=(Line("980.00"),), company=customers[2], currency="GBP", exchange_rate="1.1843"
    )
