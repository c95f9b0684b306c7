"""Money: exact decimals with a currency beside them; the only place that rounds.

Amounts are in major units (12.34 EUR, never cents). The number of digits that a
currency has decides what "to the cent" means for it.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer

# ISO 4217, list one, as published by SIX (read 2026-11-20): active codes by their minor units.
# Funds codes, precious metals and test codes (XAU, XDR, XTS, XXX ...) are no document currencies.
_CODES_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
        "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCY_DIGITS = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}

ZERO = Decimal(0)


def _known_currency(code: str) -> str:
    if code not in CURRENCY_DIGITS:
        raise ValueError(f"{code!r} is not a currency of ISO 4217")
    return code


def plain(number: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros: one text per value."""
    if not number:
        return "0"  # a zero may have an exponent of millions, which would fill the memory
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_AsText = PlainSerializer(plain, return_type=str, when_used="json")

Currency = Annotated[str, AfterValidator(_known_currency)]
Amount = Annotated[Decimal, Field(max_digits=19, decimal_places=4), _AsText]
"""An amount of money in major units."""
Price = Annotated[Decimal, Field(max_digits=28, decimal_places=12), _AsText]
"""A unit price: more decimals than an amount, never rounded by us."""
Quantity = Annotated[Decimal, Field(max_digits=28, decimal_places=12), _AsText]
Rate = Annotated[Decimal, Field(max_digits=20, decimal_places=10), _AsText]
"""A percentage (20 means 20 %) or an exchange rate."""


def cent(currency: str) -> Decimal:
    """The smallest unit of a currency: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-CURRENCY_DIGITS[currency])


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's smallest unit."""
    return amount.quantize(cent(currency), rounding=ROUND_HALF_UP)


def equal_to_the_cent(left: Decimal, right: Decimal, currency: str) -> bool:
    """Whether two amounts are the same once both are rounded to the currency's smallest unit."""
    return rounded(left, currency) == rounded(right, currency)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts; an empty sum is zero."""
    return sum(amounts, ZERO)


def figure(amount: Decimal, currency: str) -> str:
    """Write an amount for people, where the currency is said once: `1,234.50`."""
    digits = max(CURRENCY_DIGITS.get(currency, 2), -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{digits}f}"


def shown(amount: Decimal, currency: str) -> str:
    """Write an amount for people: `1,234.50 EUR`, with more digits only where they matter."""
    return f"{figure(amount, currency)} {currency}"
