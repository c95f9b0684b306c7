"""The writing side of the simulated billing API: create, update, delete, upload, act, attach.

Paths and who may are in `rights`, what may become of what in `platform`. Ours, because no source
decides: an accepted action answers 200 with the record, a deletion 204, and the status of an
action that the state does not allow (`Traits.wrong_state`).
"""

from collections.abc import Callable, Mapping

from connectors.faults import Answer, Request
from connectors.simulator import route
from connectors.softwareone.simulated import answers, bodies, files
from connectors.softwareone.simulated.answers import invalid
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.rights import name_of
from connectors.softwareone.simulated.service import Reads
from connectors.softwareone.simulated.shapes import view
from connectors.softwareone.simulated.steps import WrongState
from connectors.softwareone.simulated.store import ATTACHMENT_PREFIXES, File, Json, Record

_API = "(?:/public)?/v1/billing"
_MADE = "(?P<kind>journals|custom-ledgers|manual-overrides|overrides)"
_CHANGED = "(?P<kind>journals|ledgers|custom-ledgers|manual-overrides|overrides|invoices)"
_DELETED = "(?P<kind>journals|custom-ledgers)"
_ACTED = "(?P<kind>journals|ledgers|custom-ledgers|statements|manual-overrides|overrides)"
_ONE = "(?P<one>[^/]+)"
_ACTIONS = "accept|cancel|disable|enable|enquiry|recalculate|regenerate|retry|submit"
_UPDATES: Mapping[str, type[bodies.Update]] = {
    "journals": bodies.JournalUpdate,
    "ledgers": bodies.LedgerUpdate,
    "custom-ledgers": bodies.CustomLedgerUpdate,
    "manual-overrides": bodies.OverrideUpdate,
    "invoices": bodies.InvoiceUpdate,
}

Act = Callable[[Record, Account], None]


class Writes(Reads):
    """Routes that change something."""

    def _answer(
        self, request: Request, account: Account, record: Record, status: int = 200
    ) -> Answer:
        self.written[name_of(request.method, request.path)] += 1
        listing = self.listing(account, record.kind, request)
        return self.told(self.shown(listing, record.body), status)

    def _found(self, request: Request, kind: str, one: str) -> tuple[Account, Record]:
        account = self.account_of(request)
        kind = "manual-overrides" if kind == "overrides" else kind
        return account, self.found(account, kind, one)

    @route("POST", f"{_API}/{_MADE}")
    def create(self, request: Request, kind: str) -> Answer:
        """Make a journal, custom ledger or override."""
        account = self.account_of(request)
        make = {"journals": self._journal, "custom-ledgers": self._custom_ledger}
        record = make.get(kind, self._override)(request, account)
        return self._answer(request, account, record, 201)

    def _journal(self, request: Request, account: Account) -> Record:
        wish = bodies.read(bodies.JournalInput, request)
        found = self.parties.authorizations.get(wish.authorization.id)
        if found is None or found.vendor != account:
            raise invalid("authorization.id", "The authorization was not found.")
        return self.platform.new_journal(bodies.members(wish, account), found.id, account)

    def _custom_ledger(self, request: Request, account: Account) -> Record:
        wish = bodies.read(bodies.CustomLedgerInput, request)
        seller = self.parties.sellers.get(wish.seller.id)
        if seller is None:
            raise invalid("seller.id", "The seller was not found.")
        vendor = self._account("vendor", wish.vendor.id)
        named = bodies.members(wish, account)
        named |= {"seller": seller, "vendor": vendor.ref, "status": "Draft"}
        return self.books.add("custom-ledgers", named, account.ref)

    def _override(self, request: Request, account: Account) -> Record:
        wish = bodies.read(bodies.OverrideInput, request)
        client, vendor = (
            self._account("client", wish.client.id),
            self._account("vendor", wish.vendor.id),
        )
        named = bodies.members(wish, account)
        named |= {"client": client.ref, "vendor": vendor.ref, "status": "Active"}
        return self.books.add("manual-overrides", named, account.ref)

    def _account(self, role: str, account_id: str) -> Account:
        found = self.parties.accounts.get(account_id)
        if found is None or found.role != role:
            raise invalid(f"{role}.id", f"The {role} was not found.")
        return found

    @route("PUT", f"{_API}/{_CHANGED}/{_ONE}")
    def update(self, request: Request, kind: str, one: str) -> Answer:
        """Change members of a record; those that are not named stay."""
        account, record = self._found(request, kind, one)
        wish = bodies.read(_UPDATES[record.kind], request)
        named = bodies.members(wish, account, record.body)
        authorization = named.pop("authorization", None)
        if authorization and authorization["id"] != record.body["authorization"]["id"]:
            raise invalid("authorization.id", "The authorization cannot be changed.")
        if record.kind == "journals" and account.role == "vendor" and "assignee" in named:
            raise invalid("assignee", "There is no such member.")
        self.books.touch(record, account.ref, **named)
        return self._answer(request, account, record)

    @route("DELETE", f"{_API}/{_DELETED}/{_ONE}")
    def delete(self, request: Request, kind: str, one: str) -> Answer:
        """Delete a journal or a custom ledger."""
        account, record = self._found(request, kind, one)
        if kind == "journals":
            self.platform.delete_journal(record, account)
        else:
            self.platform.delete_ledger(record, account)
        self.written[f"delete {kind}"] += 1
        return Answer(204)

    @route("POST", f"{_API}/(?P<kind>journals|custom-ledgers)/{_ONE}/upload")
    def upload(self, request: Request, kind: str, one: str) -> Answer:
        """Take a charge file; it is read a while later."""
        account, record = self._found(request, kind, one)
        kinds = files.CHARGE_TYPES if kind == "journals" else files.WORKBOOK_TYPES
        part = files.charge_file(request, kinds, self.traits.largest_upload)
        self.platform.upload(record, part.kind, part.content, account)
        return self._answer(request, account, record)

    @route("POST", f"{_API}/{_ACTED}/{_ONE}/(?P<action>{_ACTIONS})")
    def act(self, request: Request, kind: str, one: str, action: str) -> Answer:
        """Let a record go on to another state."""
        account, record = self._found(request, kind, one)
        bodies.read(bodies.Nothing, request)
        self.action(record.kind, action)(record, account)
        return self._answer(request, account, record)

    def action(self, kind: str, action: str) -> Act:
        """What an action does to a record of a kind."""
        platform = self.platform
        known: Mapping[tuple[str, str], Act] = {
            ("journals", "submit"): platform.submit,
            ("journals", "enquiry"): platform.enquiry,
            ("journals", "regenerate"): platform.regenerate,
            ("journals", "accept"): platform.accept_journal,
            ("ledgers", "recalculate"): platform.recalculate_ledger,
            ("ledgers", "accept"): platform.accept_ledger,
            ("custom-ledgers", "accept"): platform.accept_ledger,
            ("statements", "retry"): platform.retry,
            ("statements", "recalculate"): platform.recalculate_statement,
            ("statements", "cancel"): platform.cancel,
            ("manual-overrides", "disable"): lambda one, by: self._switch(one, by, "Disabled"),
            ("manual-overrides", "enable"): lambda one, by: self._switch(one, by, "Active"),
        }
        return known[kind, action]

    def _switch(self, override: Record, by: Account, status: str) -> None:
        if override.status == status:
            raise WrongState(f"{override.id} is {status}")
        self.books.touch(override, by.ref, status=status)

    @route("POST", f"{_API}/(?P<kind>journals|custom-ledgers)/{_ONE}/attachments")
    def attach_file(self, request: Request, kind: str, one: str) -> Answer:
        """Keep a file with a journal or custom ledger."""
        account, record = self._found(request, kind, one)
        body, content = files.new_file(request, self.traits.largest_upload)
        made = self.keep_file(record, body, content, account)
        self.written[f"create {kind}/attachments"] += 1
        seen = view(f"{kind}/attachments", account.role).see(made)
        return self.told({name: part for name, part in seen.items() if name != "audit"}, 201)

    def keep_file(self, record: Record, body: Json, content: bytes, by: Account) -> Json:
        """Keep a file with a record; returns its members."""
        stamp = self.books.stamp(by.ref)
        made: Json = {
            "id": self.books.new_id(ATTACHMENT_PREFIXES[record.kind], 3),
            **body,
            "revision": 1,
            "audit": {"created": stamp, "updated": stamp},
        }
        record.files[made["id"]] = File(made, content)
        return made

    @route(
        "DELETE", f"{_API}/(?P<kind>journals|custom-ledgers)/{_ONE}/attachments/(?P<child>[^/]+)"
    )
    def detach(self, request: Request, kind: str, one: str, child: str) -> Answer:
        """Delete a file; its record stays, marked."""
        account, record = self._found(request, kind, one)
        file = record.files.get(child)
        if file is None or file.body["isDeleted"]:
            raise answers.missing(child)
        if file.body["type"] in {"Input", "Output"}:
            raise WrongState(f"An attachment of type {file.body['type']} cannot be deleted")
        self.books.touch_body(file.body, account.ref, isDeleted=True)
        file.content = b""
        self.written[f"delete {kind}/attachments"] += 1
        return Answer(204)
