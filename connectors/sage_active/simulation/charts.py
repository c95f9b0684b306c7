"""Sample companies: charts of accounts with real numbers, journals, taxes, parties, products.

France: plan comptable général; Spain: Plan General de Contabilidad; Germany: SKR 03.
"""

from dataclasses import dataclass
from decimal import Decimal

Account = tuple[str, str, str]
"""Code, name, kind of sub-account."""


@dataclass(frozen=True)
class Rate:
    """A national rate: tax group, names, and the VAT accounts of sales and purchases."""

    group: str
    percent: Decimal
    name: str
    output_account: str
    input_account: str
    surcharge: Decimal = Decimal(0)


@dataclass(frozen=True)
class Sample:
    """What one legislation's company starts with."""

    name: str
    document_id: str
    vat_number: str
    town: str
    zip_code: str
    tax_type: str
    code_length: int
    accounts: tuple[Account, ...]
    headings: tuple[tuple[str, str], ...]
    archived: str
    journals: tuple[tuple[str, str, str], ...]
    """Code, name, type."""
    rates: tuple[Rate, ...]
    defaults: dict[str, str]
    """Setup field → account code."""
    sales_accounts: tuple[str, ...]
    """By rate, in the order of `rates`."""
    purchase_accounts: tuple[str, ...]
    customers: tuple[tuple[str, str, str, str], ...]
    """Name, country, identification number, VAT number."""
    suppliers: tuple[tuple[str, str, str, str], ...]
    products: tuple[tuple[str, str, str], ...]
    """Code, name, tax group."""
    bank: str
    cash: str
    invoice_prefix: str
    credit_prefix: str


_D = Decimal
FRANCE = Sample(
    name="Atelier Lumière SAS",
    document_id="81234567800017",
    vat_number="FR40812345678",
    town="Lyon",
    zip_code="69002",
    tax_type="TVA",
    code_length=8,
    accounts=(
        ("10130000", "Capital souscrit appelé, versé", "CAPITAL"),
        ("21830000", "Matériel de bureau et informatique", "FIXED_ASSET"),
        ("40110000", "Fournisseurs", "PROVIDER"),
        ("41110000", "Clients", "CUSTOMER"),
        ("42100000", "Personnel - rémunérations dues", "EMPLOYEE"),
        ("44566000", "TVA déductible sur autres biens et services", "INPUT_TAX"),
        ("44571200", "TVA collectée 20 %", "OUTPUT_TAX"),
        ("44571100", "TVA collectée 10 %", "OUTPUT_TAX"),
        ("44571055", "TVA collectée 5,5 %", "OUTPUT_TAX"),
        ("51210000", "Banque", "BANK"),
        ("53100000", "Caisse", "CASH"),
        ("60110000", "Achats stockés - matières premières", "CHARGE"),
        ("60710000", "Achats de marchandises", "CHARGE"),
        ("61320000", "Locations immobilières", "CHARGE"),
        ("62260000", "Honoraires", "CHARGE"),
        ("62700000", "Services bancaires et assimilés", "CHARGE"),
        ("64110000", "Salaires, appointements", "CHARGE"),
        ("60400000", "Achats d'études (ancien)", "CHARGE"),
        ("70610000", "Prestations de services 20 %", "REVENUE"),
        ("70620000", "Prestations de services 10 %", "REVENUE"),
        ("70710000", "Ventes de marchandises 5,5 %", "REVENUE"),
        ("70790000", "Ventes exonérées", "REVENUE"),
        ("70791000", "Ventes intracommunautaires", "REVENUE"),
        ("70792000", "Ventes à l'exportation", "REVENUE"),
    ),
    headings=(("41", "Clients et comptes rattachés"), ("70", "Ventes de produits et services")),
    archived="60400000",
    journals=(
        ("VE", "Ventes", "SALES_INVOICE"),
        ("AC", "Achats", "PURCHASE_INVOICE"),
        ("BQ", "Banque", "FINANCIAL"),
        ("CA", "Caisse", "FINANCIAL"),
        ("OD", "Opérations diverses", "GENERAL"),
        ("AN", "À-nouveaux", "CARRY_FORWARD"),
    ),
    rates=(
        Rate("NORMAL", _D(20), "TVA 20 %", "44571200", "44566000"),
        Rate("INTERMEDIATE", _D(10), "TVA 10 %", "44571100", "44566000"),
        Rate("REDUCED", _D("5.5"), "TVA 5,5 %", "44571055", "44566000"),
        Rate("ZERO", _D(0), "Exonéré", "", ""),
    ),
    defaults={
        "defaultCustomersAccountId": "41110000",
        "defaultSuppliersAccountId": "40110000",
        "defaultBankAccountId": "51210000",
        "defaultCashAccountId": "53100000",
        "defaultInputVATAccountId": "44566000",
        "defaultOutputVATAccountId": "44571200",
        "defaultSaleProductsAccountId": "70610000",
        "defaultPurchaseProductsAccountId": "60710000",
        "intracommunityAccountId": "70791000",
        "foreignAccountId": "70792000",
    },
    sales_accounts=("70610000", "70620000", "70710000", "70790000"),
    purchase_accounts=("60710000", "62260000"),
    customers=(
        ("Boulangerie Martin SARL", "FR", "52345678900012", "FR29523456789"),
        ("Transports Durand SAS", "FR", "43218765400025", "FR61432187654"),
        ("Clinique des Alpes", "FR", "33445566700031", "FR83334455667"),
        ("Bäckerei Vogel GmbH", "DE", "12345678911", "DE123456789"),
        ("Alpine Optics AG", "CH", "CHE109322551", ""),
    ),
    suppliers=(
        ("Papeterie Centrale SA", "FR", "55210055400013", "FR71552100554"),
        ("Électricité Rhône", "FR", "44110022300048", "FR54441100223"),
        ("Holz & Mehr GmbH", "DE", "98765432111", "DE987654321"),
    ),
    products=(
        ("CONSEIL", "Journée de conseil", "NORMAL"),
        ("ENTRETIEN", "Entretien de locaux", "INTERMEDIATE"),
        ("LIVRE", "Livre imprimé", "REDUCED"),
        ("FORMATION", "Formation professionnelle", "ZERO"),
    ),
    bank="Banque principale",
    cash="Caisse",
    invoice_prefix="FA",
    credit_prefix="AV",
)
SPAIN = Sample(
    name="Luz del Sur SL",
    document_id="B12345674",
    vat_number="ESB12345674",
    town="Valencia",
    zip_code="46002",
    tax_type="IVA",
    code_length=8,
    accounts=(
        ("10000000", "Capital social", "CAPITAL"),
        ("21700000", "Equipos para procesos de información", "FIXED_ASSET"),
        ("40000000", "Proveedores", "PROVIDER"),
        ("43000000", "Clientes", "CUSTOMER"),
        ("46500000", "Remuneraciones pendientes de pago", "EMPLOYEE"),
        ("47200021", "IVA soportado 21 %", "INPUT_TAX"),
        ("47200010", "IVA soportado 10 %", "INPUT_TAX"),
        ("47200004", "IVA soportado 4 %", "INPUT_TAX"),
        ("47300000", "Retenciones y pagos a cuenta", "UNDEFINED"),
        ("47510000", "Acreedor por retenciones practicadas", "UNDEFINED"),
        ("47700021", "IVA repercutido 21 %", "OUTPUT_TAX"),
        ("47700010", "IVA repercutido 10 %", "OUTPUT_TAX"),
        ("47700004", "IVA repercutido 4 %", "OUTPUT_TAX"),
        ("57000000", "Caja, euros", "CASH"),
        ("57200000", "Bancos, c/c vista, euros", "BANK"),
        ("60000000", "Compras de mercaderías", "CHARGE"),
        ("60200000", "Compras de otros aprovisionamientos (antigua)", "CHARGE"),
        ("62100000", "Arrendamientos y cánones", "CHARGE"),
        ("62300000", "Servicios de profesionales independientes", "CHARGE"),
        ("62600000", "Servicios bancarios y similares", "CHARGE"),
        ("64000000", "Sueldos y salarios", "CHARGE"),
        ("70000010", "Ventas de mercaderías 10 %", "REVENUE"),
        ("70000004", "Ventas de mercaderías 4 %", "REVENUE"),
        ("70500000", "Prestaciones de servicios", "REVENUE"),
        ("70500001", "Prestaciones de servicios exentas", "REVENUE"),
        ("70000098", "Ventas intracomunitarias", "REVENUE"),
        ("70000099", "Ventas exportación", "REVENUE"),
    ),
    headings=(("430", "Clientes"), ("700", "Ventas de mercaderías")),
    archived="60200000",
    journals=(
        ("VEN", "Ventas", "SALES_INVOICE"),
        ("COM", "Compras", "PURCHASE_INVOICE"),
        ("BAN", "Banco", "FINANCIAL"),
        ("CAJ", "Caja", "FINANCIAL"),
        ("DIA", "Diario general", "GENERAL"),
        ("APE", "Apertura", "CARRY_FORWARD"),
    ),
    rates=(
        Rate("GENERAL", _D(21), "IVA 21 %", "47700021", "47200021", _D("5.2")),
        Rate("REDUCED", _D(10), "IVA 10 %", "47700010", "47200010", _D("1.4")),
        Rate("SUPERREDUCED", _D(4), "IVA 4 %", "47700004", "47200004", _D("0.5")),
        Rate("EXEMPT", _D(0), "Exento", "", ""),
    ),
    defaults={
        "defaultCustomersAccountId": "43000000",
        "defaultSuppliersAccountId": "40000000",
        "defaultBankAccountId": "57200000",
        "defaultCashAccountId": "57000000",
        "defaultInputVATAccountId": "47200021",
        "defaultOutputVATAccountId": "47700021",
        "defaultSaleProductsAccountId": "70500000",
        "defaultPurchaseProductsAccountId": "60000000",
        "intracommunityAccountId": "70000098",
        "foreignAccountId": "70000099",
        "withholdingAccountId": "47300000",
    },
    sales_accounts=("70500000", "70000010", "70000004", "70500001"),
    purchase_accounts=("60000000", "62300000"),
    customers=(
        ("Cafetería Miramar SL", "ES", "B98765431", "ESB98765431"),
        ("Talleres Ibáñez SA", "ES", "A28017895", "ESA28017895"),
        ("Ultramarinos Pepa", "ES", "12345678Z", ""),
        ("Boulangerie Martin SARL", "FR", "52345678900012", "FR29523456789"),
        ("Andes Trading SA", "AR", "30500010912", ""),
    ),
    suppliers=(
        ("Papelería Moderna SL", "ES", "B46000001", "ESB46000001"),
        ("Energía Levante SA", "ES", "A46000002", "ESA46000002"),
        ("Papeterie Centrale SA", "FR", "55210055400013", "FR71552100554"),
    ),
    products=(
        ("CONSULTORIA", "Hora de consultoría", "GENERAL"),
        ("MENU", "Menú del día", "REDUCED"),
        ("PAN", "Pan común", "SUPERREDUCED"),
        ("CURSO", "Curso exento", "EXEMPT"),
    ),
    bank="Cuenta corriente",
    cash="Caja",
    invoice_prefix="F",
    credit_prefix="R",
)
GERMANY = Sample(
    name="Lichtwerk GmbH",
    document_id="27123456789",
    vat_number="DE271234567",
    town="Leipzig",
    zip_code="04109",
    tax_type="UST",
    code_length=4,
    accounts=(
        ("0420", "Büroeinrichtung", "FIXED_ASSET"),
        ("0800", "Gezeichnetes Kapital", "CAPITAL"),
        ("1000", "Kasse", "CASH"),
        ("1200", "Bank", "BANK"),
        ("1400", "Forderungen aus Lieferungen und Leistungen", "CUSTOMER"),
        ("1571", "Abziehbare Vorsteuer 7 %", "CURRENT_ASSETS_INPUT_TAX"),
        ("1576", "Abziehbare Vorsteuer 19 %", "CURRENT_ASSETS_INPUT_TAX"),
        ("1600", "Verbindlichkeiten aus Lieferungen und Leistungen", "PROVIDER"),
        ("1740", "Verbindlichkeiten aus Lohn und Gehalt", "EMPLOYEE"),
        ("1771", "Umsatzsteuer 7 %", "BORROWED_CAPITAL_OUTPUT_TAX"),
        ("1776", "Umsatzsteuer 19 %", "BORROWED_CAPITAL_OUTPUT_TAX"),
        ("3200", "Wareneingang (alt)", "CHARGE"),
        ("3300", "Wareneingang 7 % Vorsteuer", "CHARGE"),
        ("3400", "Wareneingang 19 % Vorsteuer", "CHARGE"),
        ("4120", "Gehälter", "CHARGE"),
        ("4210", "Miete", "CHARGE"),
        ("4930", "Bürobedarf", "CHARGE"),
        ("4970", "Nebenkosten des Geldverkehrs", "CHARGE"),
        ("8100", "Steuerfreie Umsätze", "REVENUE"),
        ("8120", "Steuerfreie Ausfuhrlieferungen", "REVENUE"),
        ("8125", "Steuerfreie innergemeinschaftliche Lieferungen", "REVENUE"),
        ("8300", "Erlöse 7 % USt", "REVENUE"),
        ("8400", "Erlöse 19 % USt", "REVENUE"),
    ),
    headings=(("14", "Forderungen"), ("84", "Erlöse")),
    archived="3200",
    journals=(
        ("AR", "Ausgangsrechnungen", "SALES_INVOICE"),
        ("ER", "Eingangsrechnungen", "PURCHASE_INVOICE"),
        ("BK", "Bank", "FINANCIAL"),
        ("KA", "Kasse", "FINANCIAL"),
        ("SO", "Sonstige", "GENERAL"),
        ("EB", "Eröffnungsbilanz", "CARRY_FORWARD"),
    ),
    rates=(
        Rate("STANDARD", _D(19), "USt 19 %", "1776", "1576"),
        Rate("REDUCED", _D(7), "USt 7 %", "1771", "1571"),
        Rate("ZERO", _D(0), "Steuerfrei", "", ""),
    ),
    defaults={
        "defaultCustomersAccountId": "1400",
        "defaultSuppliersAccountId": "1600",
        "defaultBankAccountId": "1200",
        "defaultCashAccountId": "1000",
        "defaultInputVATAccountId": "1576",
        "defaultOutputVATAccountId": "1776",
        "defaultSaleProductsAccountId": "8400",
        "defaultPurchaseProductsAccountId": "3400",
        "intracommunityAccountId": "8125",
        "foreignAccountId": "8120",
    },
    sales_accounts=("8400", "8300", "8100"),
    purchase_accounts=("3400", "4930"),
    customers=(
        ("Brauerei Stern KG", "DE", "22334455667", "DE223344556"),
        ("Autohaus Krüger GmbH", "DE", "33445566778", "DE334455667"),
        ("Praxis Dr. Weiß", "DE", "44556677889", "DE445566778"),
        ("Transports Durand SAS", "FR", "43218765400025", "FR61432187654"),
        ("Alpine Optics AG", "CH", "CHE109322551", ""),
    ),
    suppliers=(
        ("Bürobedarf Nord GmbH", "DE", "55667788990", "DE556677889"),
        ("Stadtwerke Leipzig", "DE", "66778899001", "DE667788990"),
        ("Papeterie Centrale SA", "FR", "55210055400013", "FR71552100554"),
    ),
    products=(
        ("BERATUNG", "Beratungsstunde", "STANDARD"),
        ("BUCH", "Gedrucktes Buch", "REDUCED"),
        ("SEMINAR", "Steuerfreies Seminar", "ZERO"),
    ),
    bank="Hausbank",
    cash="Kasse",
    invoice_prefix="RE",
    credit_prefix="GS",
)
SAMPLES = {"FR": FRANCE, "ES": SPAIN, "DE": GERMANY}
COUNTRIES = (
    ("AR", "Argentina", False),
    ("AT", "Austria", True),
    ("BE", "Belgium", True),
    ("CH", "Switzerland", False),
    ("DE", "Germany", True),
    ("ES", "Spain", True),
    ("FR", "France", True),
    ("GB", "United Kingdom", False),
    ("IE", "Ireland", True),
    ("IT", "Italy", True),
    ("NL", "Netherlands", True),
    ("PT", "Portugal", True),
    ("SE", "Sweden", True),
    ("US", "United States", False),
    ("XI", "Northern Ireland", True),
)
