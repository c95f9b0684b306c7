"""What commands share: the process's runtime, who is acting, and ids as people type them."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pydantic

from models.tables import BillingEntityRow
from models.unit_of_work import UnitOfWork
from sync.engine import Hints, NoHints
from sync.errors import InvalidInputError, NotFoundError
from sync.settings import Settings
from worker import logs, runtime

ENDING = 4


def settings() -> Settings:
    """The settings, or one sentence about what is wrong with them.

    Raises:
        InvalidInputError: A variable does not fit.
    """
    try:
        return Settings()
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(map(str, problem["loc"])).upper()
        message = problem["msg"].removeprefix("Value error, ")
        raise InvalidInputError(f"LEDGERBRIDGE_{name}: {message}" if name else message) from None


@contextmanager
def running(*, hints: bool = False) -> Iterator[runtime.Runtime]:
    """The process's parts for the length of a command.

    With `hints`, workers are told about new work; that needs Redis.
    """
    configured = settings()
    logs.configure("ERROR" if configured.log_level == "INFO" else configured.log_level, role="cli")
    built = runtime.build(configured, role="cli", hints=_hints() if hints else NoHints())
    try:
        yield built
    finally:
        built.close()


def _hints() -> Hints:
    from worker.app import app  # noqa: PLC0415  # Celery takes a second to import
    from worker.dispatch import CeleryHints  # noqa: PLC0415

    return CeleryHints(app)


def actor() -> str:
    """Who is acting, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"


def resolve(work: UnitOfWork, what: str, text: str) -> UUID:
    """The id that a person means: a whole one, or its end as tables show it.

    Raises:
        NotFoundError: No row of that kind has such an id, or several do.
    """
    try:
        return UUID(text)
    except ValueError:
        pass
    ending = text.strip().lower()
    hexadecimal = ending and all(digit in "0123456789abcdef" for digit in ending)
    found = work.lookup.ids_ending(what, ending) if hexadecimal and len(ending) >= ENDING else []
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"several {what}s end in {text!r}: give more of the id")
    raise NotFoundError(f"there is no {what} {text!r}")


def entity_called(work: UnitOfWork, code: str) -> BillingEntityRow:
    """The billing entity of a code, or of `ORGANISATION/CODE` where the code is not unique.

    Raises:
        NotFoundError: There is none, or several.
    """
    found = [
        row
        for row, organisation in work.tenants.entities()
        if code in {row.code, f"{organisation}/{row.code}", str(row.id)}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"several organisations have an entity {code!r}: say ORGANISATION/CODE")
    raise NotFoundError(f"there is no billing entity {code!r}: see `ledgerbridge entities list`")


def json_file(path: str, what: str) -> dict[str, Any]:
    """Read a JSON object from a file, or from standard input for `-`.

    Raises:
        InvalidInputError: It cannot be read, or is no JSON object.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidInputError(f"the {what} file {path} cannot be read: {reason}") from None
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"the {what} file {path} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise InvalidInputError(f"the {what} file {path} is not a JSON object")
    return values
