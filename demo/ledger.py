"""A real Tryton on loopback: the accounting system that the demo and the tests write to.

Every other accounting system that we speak to is a cloud service. Tryton is a complete
double-entry server that installs from PyPI and refuses what a real ledger refuses, so what is
shown with it is shown on the real thing. Nothing here goes through our connector: what a judge
reads and what "somebody else in the ledger" enters comes in by a session of its own.

Setting up a database takes about twelve seconds. It is done once per version of Tryton and of
this file, kept in `var/cache`, and every start works on a copy.
"""

import argparse
import base64
import contextlib
import datetime as dt
import hashlib
import inspect
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Self

import httpx

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "cache"
MARKER = re.compile(r"LB-[0-9A-F]{16}")

SALES_ACCOUNT = "706000"
GOODS_ACCOUNT = "707000"
PURCHASE_ACCOUNT = "606000"
BANK_ACCOUNT = "512000"
TAX_ACCOUNT = "445000"
FEES_ACCOUNT = "627000"
ACCOUNTS = {
    SALES_ACCOUNT: "Services sold",
    GOODS_ACCOUNT: "Goods sold",
    PURCHASE_ACCOUNT: "Purchases",
    BANK_ACCOUNT: "Bank",
    TAX_ACCOUNT: "VAT",
    FEES_ACCOUNT: "Bank charges",
}
COUNTRIES = {
    "BE": "Belgium",
    "CH": "Switzerland",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IT": "Italy",
    "LU": "Luxembourg",
    "NL": "Netherlands",
    "US": "United States",
}
TAXES = {"VAT 20 %": "0.20", "VAT 5.5 %": "0.055", "VAT 0 %": "0"}

_ADMIN = ("admin", "ledger-admin")
_SYNC = ("sync", "ledger-sync")
_START_TIMEOUT_SECONDS = 60.0


class LedgerError(RuntimeError):
    """Tryton refused a call; the message is Tryton's own."""


def _this_and_its_neighbours() -> tuple[int, ...]:
    year = dt.datetime.now(dt.UTC).year
    return (year - 1, year, year + 1)


@dataclass(frozen=True)
class Books:
    """What the prepared books contain; equal books share one cached database."""

    company: str = "Demo SARL"
    currency: str = "EUR"
    years: tuple[int, ...] = field(default_factory=_this_and_its_neighbours)
    """Fiscal years, each with twelve open periods named like `2026-02`."""
    closed: tuple[str, ...] = ()
    """Periods that are closed from the start."""
    dollar_rate: str = "1.25"
    """Dollars for one unit of `currency`, from the first of the years on."""
    customer_invoices_may_be_cancelled: bool = False

    def key(self) -> str:
        """A name for the cached database: of Tryton's version, the set-up code and the books."""
        parts = [
            *(f"{name}={version(name)}" for name in ("trytond", "trytond_account_invoice")),
            json.dumps(asdict(self), sort_keys=True),
            json.dumps([ACCOUNTS, TAXES, COUNTRIES, _SYNC, _ADMIN]),
            *(inspect.getsource(step) for step in _STEPS),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class LedgerInvoice:
    """An invoice, bill or credit note as the ledger has it."""

    id: int
    type: str
    number: str | None
    reference: str | None
    marker: str | None
    state: str
    party: str
    date: dt.date | None
    accounting_date: dt.date | None
    untaxed: Decimal
    tax: Decimal
    total: Decimal
    to_pay: Decimal

    @property
    def day(self) -> dt.date | None:
        """The day it is booked on."""
        return self.accounting_date or self.date


@dataclass(frozen=True)
class LedgerMove:
    """A movement of the books as the ledger has it."""

    id: int
    number: str | None
    marker: str | None
    description: str | None
    state: str
    journal: str
    date: dt.date
    origin: str | None
    debit: Decimal


class TrytonLedger:
    """One Tryton server with books of its own; stops at the latest with its parent process."""

    database = "books"
    login, password = _SYNC

    def __init__(self, books: Books | None = None, *, directory: Path | None = None) -> None:
        """`directory` keeps the database and the log; without it they go with the server."""
        self.books = books or Books()
        self._kept = directory
        self._directory: Path | None = directory
        self._server: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._admin: Session | None = None
        self.port = 0

    @classmethod
    @contextlib.contextmanager
    def running(
        cls, books: Books | None = None, *, directory: Path | None = None, port: int = 0
    ) -> Iterator[Self]:
        """Have a ledger for the length of a `with` block."""
        ledger = cls(books, directory=directory)
        ledger.start(port)
        try:
            yield ledger
        finally:
            ledger.stop()

    @property
    def url(self) -> str:
        """The server's root; the database is not part of it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """Where the server writes what it does."""
        return self._home / "tryton.log"

    @property
    def _home(self) -> Path:
        if self._directory is None:
            raise LedgerError("the ledger is not started")
        return self._directory

    def start(self, port: int = 0) -> None:
        """Start on a copy of the prepared books, or go on with those in `directory`.

        Port 0 takes any that is free.

        Raises:
            LedgerError: Tryton does not start; the message has the end of its log.
        """
        if self._server is not None:
            raise LedgerError("the ledger is running already")
        try:
            self._lay_out_books()
            # Another process may take the port that was free a moment ago.
            for tries_left in (2, 1, 0):
                self.port = port or _free_port()
                try:
                    self._serve()
                except LedgerError:
                    self._end_server()
                    if port or not tries_left:
                        raise
                else:
                    return
        except BaseException:
            self.stop()
            raise

    def _lay_out_books(self) -> None:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="tryton-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        database = self._directory / f"{self.database}.sqlite"
        if not database.exists():
            aside = database.with_suffix(".copy")
            shutil.copyfile(prepared(self.books), aside)
            aside.replace(database)

    def _serve(self) -> None:
        _write_configuration(self._home, self.port)
        self._log = self.log_file.open("ab")
        said_before = self._log.tell()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "demo.ledger", "serve", str(self._home), self.database],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_ready(said_before)

    def stop(self) -> None:
        """Stop the server; books without a directory of their own go with it."""
        self._end_server()
        if self._kept is None and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _end_server(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        if self._server is not None:
            if self._server.stdin is not None:
                self._server.stdin.close()
            self._server.kill()
            self._server.wait()
            self._server = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _wait_until_ready(self, said_before: int) -> None:
        """Wait until our own server says that it listens: another one may have the port."""
        ends = time.monotonic() + _START_TIMEOUT_SECONDS
        said = ""
        while time.monotonic() < ends:
            ended = self._server is None or self._server.poll() is not None
            said = self.log_file.read_bytes()[said_before:].decode(errors="replace")
            if f"Running on {self.url}" in said and not ended:
                self._admin = Session(self.url, self.database, *_ADMIN)
                return
            if ended:
                break
            time.sleep(0.02)
        raise LedgerError(f"Tryton did not start; the end of its log:\n{said[-2000:]}")

    # What people and judges do, by a session of its own.

    def session(self, login: str | None = None, password: str | None = None) -> "Session":
        """Log in beside the connector, by default as the user that the connector has."""
        return Session(self.url, self.database, login or self.login, password or self.password)

    def rpc(self, method: str, *params: Any) -> Any:
        """Call any method as the administrator; the context is added."""
        if self._admin is None:
            raise LedgerError("the ledger is not started")
        return self._admin.call(method, *params)

    def find(self, model: str, domain: Sequence[Any], *fields: str) -> list[dict[str, Any]]:
        """Read the records of a model that match a domain, in the order they were created."""
        rows: list[dict[str, Any]] = self.rpc(
            f"model.{model}.search_read", list(domain), 0, None, [["id", "ASC"]], list(fields)
        )
        return rows

    def id_of(self, model: str, **values: Any) -> int:
        """The id of the one record with these values.

        Raises:
            LedgerError: There is none, or more than one.
        """
        domain = [[name, "=", value] for name, value in values.items()]
        ids: list[int] = self.rpc(f"model.{model}.search", domain, 0, 2, None)
        if len(ids) != 1:
            raise LedgerError(f"{len(ids)} records of {model} have {values}")
        return ids[0]

    def account(self, code: str) -> int:
        """The id of the account with a code."""
        return self.id_of("account.account", code=code)

    def tax(self, name: str) -> int:
        """The id of a tax: `VAT 20 %`, `VAT 5.5 %` or `VAT 0 %`."""
        return self.id_of("account.tax", name=name)

    def enter_party(self, name: str) -> int:
        """Enter a customer or supplier with an empty address."""
        values = {"name": name, "addresses": [["create", [{}]]]}
        return self._one("model.party.party.create", [values])

    def enter_tax(self, name: str, rate: Decimal) -> int:
        """Enter a percentage, like those that are there; `rate` is a fraction of 1."""
        account = self.account(TAX_ACCOUNT)
        values = {
            "name": name,
            "description": name,
            "company": self.company_id,
            "type": "percentage",
            "rate": rate,
            "invoice_account": account,
            "credit_note_account": account,
        }
        return self._one("model.account.tax.create", [values])

    def enter_bill(
        self,
        *,
        supplier: int,
        reference: str,
        date: dt.date,
        net: Decimal,
        tax: str | None = "VAT 20 %",
        post: bool = True,
    ) -> int:
        """Enter a supplier's bill by hand, with one line, and post it."""
        return self._enter_invoice(
            "in",
            party=supplier,
            date=date,
            lines=[("Goods received", net, PURCHASE_ACCOUNT, tax)],
            extra={"reference": reference},
            post=post,
        )

    def enter_invoice(
        self,
        *,
        customer: int,
        date: dt.date,
        net: Decimal,
        tax: str | None = "VAT 20 %",
        reference: str | None = None,
        post: bool = True,
    ) -> int:
        """Enter a customer's invoice by hand; Tryton numbers it."""
        return self._enter_invoice(
            "out",
            party=customer,
            date=date,
            lines=[("Services", net, SALES_ACCOUNT, tax)],
            extra={"reference": reference},
            post=post,
        )

    def _enter_invoice(
        self,
        kind: str,
        *,
        party: int,
        date: dt.date,
        lines: Sequence[tuple[str, Decimal, str, str | None]],
        extra: dict[str, Any],
        post: bool,
    ) -> int:
        address = self.rpc("model.party.address.search", [["party", "=", party]], 0, 1, None)
        side = "default_account_receivable" if kind == "out" else "default_account_payable"
        defaults = self.rpc("model.account.configuration.read", [1], [side])
        journal = self.id_of("account.journal", type="revenue" if kind == "out" else "expense")
        currency = self.id_of("currency.currency", code=self.books.currency)
        company = self.company_id
        values = {
            "type": kind,
            "company": company,
            "party": party,
            "invoice_address": address[0],
            "account": defaults[0][side],
            "journal": journal,
            "currency": currency,
            "invoice_date": date,
            **extra,
            "lines": [
                [
                    "create",
                    [
                        {
                            "type": "line",
                            "company": company,
                            "currency": currency,
                            "description": words,
                            "quantity": 1.0,
                            "unit_price": net,
                            "account": self.account(code),
                            "taxes": [["add", [self.tax(tax)]]] if tax else [],
                        }
                        for words, net, code, tax in lines
                    ],
                ]
            ],
        }
        invoice = self._one("model.account.invoice.create", [values])
        if post:
            self.rpc("model.account.invoice.post", [invoice])
        return invoice

    def pay(
        self,
        invoice: int,
        *,
        amount: Decimal | None = None,
        date: dt.date | None = None,
        method: str = "Bank transfer",
    ) -> None:
        """Pay an invoice or bill through Tryton's wizard, in part when `amount` is less."""
        names = "amount_to_pay party currency invoice_date account company"
        (row,) = self.find("account.invoice", [["id", "=", invoice]], *names.split())
        wizard = "wizard.account.invoice.pay"
        payment_method = self.id_of("account.invoice.payment.method", name=method)
        context = {"active_model": "account.invoice", "active_id": invoice, "active_ids": [invoice]}
        session, *_ = self.rpc(f"{wizard}.create", context)
        to_pay: Decimal = row["amount_to_pay"]
        start = {
            "payee": row["party"],
            "payees": [row["party"]],
            "amount": to_pay if amount is None else amount,
            "currency": row["currency"],
            "company": row["company"],
            "invoice_account": row["account"],
            "payment_method": payment_method,
            "description": None,
            "date": date or row["invoice_date"],
        }
        answer = self.rpc(f"{wizard}.execute", session, {"start": start}, "choice", context)
        if "view" in answer:  # it asks: write off, or leave the rest open
            defaults = answer["view"].get("defaults", {})
            ask = {name: value for name, value in defaults.items() if not name.endswith(".")}
            ask["type"] = "partial"
            self.rpc(f"{wizard}.execute", session, {"start": start, "ask": ask}, "pay", context)
        self.rpc(f"{wizard}.delete", session)

    def close_period(self, name: str) -> None:
        """Close a period, named like `2026-02`."""
        self.rpc("model.account.period.close", [self.id_of("account.period", name=name)])

    def reopen_period(self, name: str) -> None:
        """Open a closed period again."""
        self.rpc("model.account.period.reopen", [self.id_of("account.period", name=name)])

    @property
    def company_id(self) -> int:
        """The id of the only company."""
        return self.id_of("company.company")

    def invoices(self, *domain: Any) -> list[LedgerInvoice]:
        """All invoices, bills and credit notes, in the order they were created."""
        names = (
            "type number reference description state party.name invoice_date accounting_date "
            "untaxed_amount tax_amount total_amount amount_to_pay"
        )
        rows = self.find("account.invoice", domain, *names.split())
        return [
            LedgerInvoice(
                id=row["id"],
                type=row["type"],
                number=row["number"],
                reference=row["reference"],
                marker=_marker(row["reference"], row["description"]),
                state=row["state"],
                party=row["party."]["name"],
                date=row["invoice_date"],
                accounting_date=row["accounting_date"],
                untaxed=row["untaxed_amount"],
                tax=row["tax_amount"],
                total=row["total_amount"],
                to_pay=row["amount_to_pay"],
            )
            for row in rows
        ]

    def moves(self, *domain: Any) -> list[LedgerMove]:
        """All movements, those of invoices too, in the order they were created."""
        names = "number description state journal.code date origin lines.debit"
        rows = self.find("account.move", domain, *names.split())
        return [
            LedgerMove(
                id=row["id"],
                number=row["number"],
                marker=_marker(row["description"]),
                description=row["description"],
                state=row["state"],
                journal=row["journal."]["code"],
                date=row["date"],
                origin=row["origin"],
                debit=sum((line["debit"] for line in row["lines."]), Decimal(0)),
            )
            for row in rows
        ]

    def _one(self, method: str, values: list[Any]) -> int:
        ids: list[int] = self.rpc(method, values)
        return ids[0]


class Session:
    """A user logged in to Tryton, over JSON-RPC."""

    def __init__(self, url: str, database: str, login: str, password: str) -> None:
        self._client = httpx.Client(timeout=120)
        self._url = f"{url}/{database}/rpc/"
        self._user = (login, password)
        self._context: dict[str, Any] = {}
        try:
            self._log_in()
            self._context = self._post("model.res.user.get_preferences", [True, {}])
        except BaseException:
            self._client.close()
            raise

    def _log_in(self) -> None:
        login, password = self._user
        self._client.headers.pop("Authorization", None)
        user, token, _ = self._post("common.db.login", [login, {"password": password}])
        secret = base64.b64encode(f"{login}:{user}:{token}".encode()).decode()
        self._client.headers["Authorization"] = f"Session {secret}"

    def close(self) -> None:
        """Forget the session."""
        self._client.close()

    def call(self, method: str, *params: Any) -> Any:
        """Call a method; a dictionary at the end that is a context is completed.

        Raises:
            LedgerError: Tryton refused.
        """
        listed = list(params)
        last = listed.pop() if listed and _is_context(listed[-1]) else {}
        return self._post(method, [*listed, {**self._context, **last}])

    def _post(self, method: str, params: list[Any]) -> Any:
        body = json.dumps({"id": 0, "method": method, "params": params}, default=_encoded)
        headers = {"Content-Type": "application/json"}
        response = self._client.post(self._url, content=body, headers=headers)
        if response.status_code == httpx.codes.UNAUTHORIZED and method != "common.db.login":
            # What needs a fresh session (posting, paying) is refused five minutes after a call.
            self._log_in()
            response = self._client.post(self._url, content=body, headers=headers)
        if response.status_code != httpx.codes.OK:
            raise LedgerError(f"{method}: HTTP {response.status_code} {response.text[:500]}")
        answer = json.loads(response.content, object_hook=_decoded, parse_float=Decimal)
        if "error" in answer:
            raise LedgerError(f"{method}: {_said(answer['error'])}")
        return answer["result"]


def _said(error: list[Any]) -> str:
    """The sentence in `[type, arguments]`, or the text of `[text, traceback]`."""
    words = error[1] if len(error) > 1 and isinstance(error[1], list) else error
    return " ".join(str(word) for word in words[:3] if word)


def _is_context(value: Any) -> bool:
    return isinstance(value, dict) and ("active_id" in value or "active_test" in value)


def _encoded(value: Any) -> Any:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case dt.date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"{type(value).__name__} does not go over the wire")


def _decoded(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return dt.date(value["year"], value["month"], value["day"])
        case "datetime":
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            naive = dt.datetime(*(value[part] for part in parts))  # noqa: DTZ001  # next line
            return naive.replace(tzinfo=dt.UTC)
    return value


def _marker(*texts: str | None) -> str | None:
    for text in texts:
        if found := MARKER.search(text or ""):
            return found[0]
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    """Ours without what is meant for another Tryton on this machine."""
    return {name: word for name, word in os.environ.items() if not name.startswith("TRYTOND_")}


def _write_configuration(directory: Path, port: int) -> Path:
    path = directory / "trytond.conf"
    path.write_text(
        f"[database]\nuri = sqlite://\npath = {directory}\n\n[web]\nlisten = 127.0.0.1:{port}\n",
        encoding="utf-8",
    )
    return path


def prepared(books: Books) -> Path:
    """The cached database with these books; built first where there is none.

    Built aside and renamed into place: two processes that come at once both find a whole file.
    """
    wanted = CACHE / f"tryton-{books.key()}.sqlite"
    if wanted.exists():
        return wanted
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tryton-build-", dir=CACHE) as name:
        command = [sys.executable, "-m", "demo.ledger", "build", name, json.dumps(asdict(books))]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            words = (done.stdout + done.stderr).decode(errors="replace")[-4000:]
            raise LedgerError(f"the books could not be prepared:\n{words}")
        (Path(name) / f"{TrytonLedger.database}.sqlite").replace(wanted)
    return wanted


def _build(directory: Path, books: Books) -> None:
    """Create a database and set the books up in it, in this process (a child of `prepared`)."""
    configuration = _write_configuration(directory, 0)
    (directory / f"{TrytonLedger.database}.sqlite").touch()
    secret = directory / "admin.password"
    secret.write_text(f"{_ADMIN[1]}\n", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "trytond.cli.admin", "-c", str(configuration)),
        *("-d", TrytonLedger.database, "-u", "ir", "res", "account_invoice", "account_payment"),
        *("--activate-dependencies", "--email", "admin@ledger.invalid"),
    ]
    subprocess.run(command, env={**os.environ, "TRYTONPASSFILE": str(secret)}, check=True)
    _set_up(f"sqlite:///{TrytonLedger.database}", configuration, books)


def _set_up(database: str, configuration: Path, books: Books) -> None:
    """Company, chart of accounts, years, taxes, bank and users, as Tryton's own scenarios do it."""
    from proteus import Model  # noqa: PLC0415  # only the child process has the server inside it
    from proteus import config as proteus_config  # noqa: PLC0415
    from trytond.modules.account.tests.tools import create_chart, get_accounts  # noqa: PLC0415
    from trytond.modules.company.tests.tools import create_company, get_company  # noqa: PLC0415
    from trytond.modules.currency.tests.tools import get_currency  # noqa: PLC0415

    proteus_config.set_trytond(database, config_file=str(configuration))
    currency = _currency(Model, get_currency, books)
    party = Model.get("party.party")(name=books.company)
    party.save()
    create_company(party=party, currency=currency)
    # What follows needs a context that knows the company.
    proteus_config.set_trytond(database, config_file=str(configuration))
    company = get_company()
    company.cancel_invoice_out = books.customer_invoices_may_be_cancelled
    company.save()
    create_chart(company)
    accounts = get_accounts(company)
    own = _accounts(Model, company, accounts)
    _years(Model, company, books)
    _countries(Model)
    _taxes(Model, own[TAX_ACCOUNT])
    _bank(Model, company, own[BANK_ACCOUNT], accounts)
    _plain_prints(Model)
    _user(Model, company)


def _currency(model: Any, get_currency: Any, books: Books) -> Any:
    """The currency of the books, and dollars beside it."""
    rates = {books.currency: "1", "USD": books.dollar_rate}
    for code, units in rates.items():
        currency = get_currency(code)
        for rate in list(currency.rates):
            currency.rates.remove(rate)
        rate = currency.rates.new(date=dt.date(min(books.years), 1, 1))
        rate.rate = Decimal(units)
        currency.save()
    return model.get("currency.currency").find([("code", "=", books.currency)])[0]


def _accounts(model: Any, company: Any, accounts: dict[str, Any]) -> dict[str, Any]:
    """The accounts that the demo and the tests name, beside those of the chart."""
    account = model.get("account.account")
    alike = {
        SALES_ACCOUNT: accounts["revenue"],
        GOODS_ACCOUNT: accounts["revenue"],
        PURCHASE_ACCOUNT: accounts["expense"],
        FEES_ACCOUNT: accounts["expense"],
        BANK_ACCOUNT: accounts["cash"],
        TAX_ACCOUNT: account.find([("code", "=", "2.2.3")])[0],
    }
    made = {}
    for code, like in alike.items():
        made[code] = account(
            name=ACCOUNTS[code], code=code, company=company, type=like.type, parent=like.parent
        )
        made[code].save()
    return made


def _years(model: Any, company: Any, books: Books) -> None:
    """Open fiscal years with monthly periods and the sequences that number what is in them."""
    sequence, kinds = model.get("ir.sequence.strict"), model.get("ir.sequence.type")
    for number in sorted(books.years):
        year = model.get("account.fiscalyear")(name=str(number), company=company)
        year.start_date, year.end_date = dt.date(number, 1, 1), dt.date(number, 12, 31)

        def new(kind: str, prefix: str, number: int = number) -> Any:
            made = sequence(name=f"{kind} {number} {prefix}", company=company)
            made.sequence_type = kinds.find([("name", "=", kind)])[0]
            made.prefix, made.padding = f"{prefix}{number}-", 5
            made.save()
            return made

        year.move_sequence = new("Account Move", "")
        (numbered,) = year.invoice_sequences
        numbered.out_invoice_sequence = new("Invoice", "T")
        numbered.out_credit_note_sequence = new("Invoice", "TC")
        numbered.in_invoice_sequence = new("Invoice", "B")
        numbered.in_credit_note_sequence = new("Invoice", "BC")
        year.save()
        year.click("create_period")
    for name in books.closed:
        (period,) = model.get("account.period").find([("name", "=", name)])
        period.click("close")


def _countries(model: Any) -> None:
    """Those that the demo's addresses are in; a new Tryton has none."""
    for code, name in COUNTRIES.items():
        model.get("country.country")(code=code, name=name).save()


def _taxes(model: Any, account: Any) -> None:
    for name, rate in TAXES.items():
        tax = model.get("account.tax")(name=name, description=name, type="percentage")
        tax.rate = Decimal(rate)
        tax.invoice_account = tax.credit_note_account = account
        tax.save()


def _bank(model: Any, company: Any, bank: Any, accounts: dict[str, Any]) -> None:
    """A payment method on the bank account, and where exchange differences go."""
    (journal,) = model.get("account.journal").find([("type", "=", "cash")])
    method = model.get("account.invoice.payment.method")(name="Bank transfer", company=company)
    method.journal, method.credit_account, method.debit_account = journal, bank, bank
    method.save()
    configuration = model.get("account.configuration")(1)
    configuration.currency_exchange_credit_account = accounts["revenue"]
    configuration.currency_exchange_debit_account = accounts["expense"]
    configuration.save()


def _plain_prints(model: Any) -> None:
    """Let Tryton lay out its own print of an invoice as one line of text.

    Without a queue worker trytond renders it while it posts: 0.13 s for each invoice, which here
    nobody looks at, since the legal document is the product's.
    """
    (report,) = model.get("ir.action.report").find([("report_name", "=", "account.invoice")])
    report.report_content_custom = b"${records[0].number}"
    report.template_extension, report.extension = "txt", ""
    report.save()


def _user(model: Any, company: Any) -> None:
    """The user that a connection logs in with: a bookkeeper, not an administrator."""
    groups = model.get("res.group").find(
        [("name", "in", ["Accounting", "Party Administration", "Product Administration"])]
    )
    user = model.get("res.user")(name="Sync", login=_SYNC[0], password=_SYNC[1])
    user.groups.extend(groups)
    user.companies.append(model.get("company.company")(company.id))
    user.company = company
    user.save()


_STEPS = (
    _build,
    _set_up,
    _currency,
    _accounts,
    _years,
    _countries,
    _taxes,
    _bank,
    _plain_prints,
    _user,
)


def _be_the_server(directory: Path, database: str) -> None:
    """Be the server, and end when the parent process does, however it does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from trytond.cli import main  # noqa: PLC0415  # only this process has the server inside it

    sys.argv = ["trytond", "-v", "-c", str(directory / "trytond.conf"), "-d", database]
    main()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # ends when no process holds the other end of the pipe any more
    os._exit(0)


def _run(directory: Path | None, port: int) -> None:
    with TrytonLedger.running(directory=directory, port=port) as ledger:
        print(f"Tryton is at {ledger.url}, database {ledger.database}.")
        print(f"Log in as {ledger.login} / {ledger.password}; stop with Ctrl-C.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="prepare books in an empty directory")
    build.add_argument("directory", type=Path)
    build.add_argument("books", type=json.loads)
    run = commands.add_parser("run", help="run a ledger until Ctrl-C")
    run.add_argument("--port", type=int, default=0)
    run.add_argument("--directory", type=Path, help="keeps the books; else they are gone after")
    serve = commands.add_parser("serve", help="serve the books in a directory (used by run)")
    serve.add_argument("directory", type=Path)
    serve.add_argument("database")
    told = parser.parse_args()
    if told.command == "run":
        _run(told.directory, told.port)
    elif told.command == "serve":
        _be_the_server(told.directory, told.database)
    else:
        listed = {name: tuple(told.books[name]) for name in ("years", "closed")}
        _build(told.directory, Books(**{**told.books, **listed}))


if __name__ == "__main__":
    _main()
