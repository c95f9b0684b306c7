"""The command `ledgerbridge`: its commands put together, and errors turned into one sentence.

Exit codes: 0 done, 1 the work ended with failures, 2 wrong use. No stack trace reaches a person;
`LEDGERBRIDGE_LOG_LEVEL=DEBUG` shows it.
"""

import sys

import typer
from sqlalchemy.exc import DBAPIError

from cli import (
    clients,
    connections,
    documents,
    entities,
    issues,
    operations,
    preflight,
    reconciling,
    sync_log,
    syncing,
    usage,
    users,
)
from cli.context import settings
from cli.output import err
from connectors.errors import ActionRequired, ConnectorError
from connectors.registry import UnknownConnectorError
from models.crypto import UnreadableSecretError
from sync.errors import InvalidInputError, SyncError

app = typer.Typer(
    name="ledgerbridge",
    help="Keeps invoices, bills, payments and tax rates in step with accounting systems.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(operations.up)
app.command()(operations.migrate)
app.add_typer(entities.app, name="entities")
app.add_typer(clients.app, name="clients")
app.add_typer(users.app, name="users")
app.add_typer(connections.app, name="connections")
app.add_typer(documents.app, name="documents")
app.command()(syncing.sync)
app.command("runs")(syncing.list_runs)
app.command()(sync_log.log)
app.command()(sync_log.record)
app.command()(sync_log.retry)
app.add_typer(issues.issues_app, name="issues")
app.add_typer(issues.map_app, name="map")
app.command()(sync_log.settle)
app.command()(sync_log.skip)
app.command()(preflight.preflight)
app.command()(preflight.preview)
app.command()(reconciling.reconcile)
app.add_typer(usage.app, name="usage")
app.command()(operations.sandbox)
app.add_typer(operations.keys_app, name="keys")

WRONG_USE = 2


def main() -> None:
    """Run the command line."""
    try:
        app()  # wrong options and --help end in here, with exit codes 2 and 0
    except (InvalidInputError, UnknownConnectorError) as wrong:
        code = _fail(str(wrong), WRONG_USE)
    except (SyncError, UnreadableSecretError) as error:
        code = _fail(str(error), 1)
    except ConnectorError as error:
        code = _fail(_in_words(error), 1)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        code = _fail(f"the database does not do as asked: {reason}", 1)
    except UnicodeError:
        code = _fail("what was typed is not text that can be stored", WRONG_USE)
    except Exception as error:  # the last line: one sentence, never a stack trace
        if settings().log_level == "DEBUG":
            raise
        code = _fail(
            f"something unforeseen happened ({type(error).__name__}): "
            "LEDGERBRIDGE_LOG_LEVEL=DEBUG shows where",
            1,
        )
    else:
        code = 0
    sys.exit(code)


def _fail(sentence: str, code: int) -> int:
    err.print("Error: ", style="red", end="")
    err.print(sentence, markup=False, soft_wrap=True)
    return code


def _in_words(error: ConnectorError) -> str:
    if isinstance(error, ActionRequired):
        return f"the ledger refuses: {error.message}"
    return f"the ledger says: {error.message}"


if __name__ == "__main__":
    main()
