"""Which version of the contract answers: the newest that is not after the date that was asked."""

from datetime import date

from api.errors import ApiError, invalid

SUPPORTED = (date(2024, 1, 31), date(2024, 5, 25))
NEWEST = SUPPORTED[-1]
HEADER = "x-monite-version"


def resolve(asked: str | None) -> date:
    """The version for a header's value.

    Raises:
        ApiError: The header is missing (400), or older than everything that is supported (404).
        RequestValidationError: It is not a date.
    """
    if not asked:
        raise ApiError(400, "missing_api_version", f"the header {HEADER} is missing: send {NEWEST}")
    try:
        wanted = date.fromisoformat(asked)
    except ValueError:
        raise invalid(["header", HEADER], "a date like 2024-05-25 is needed", "date") from None
    fitting = [version for version in SUPPORTED if version <= wanted]
    if not fitting:
        raise ApiError(404, "not_found", f"version {asked} is not supported any more")
    return fitting[-1]
