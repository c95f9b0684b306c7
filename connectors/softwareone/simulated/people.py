"""What the people of vendors and of operations do in the portal, without any API call."""

from collections.abc import Mapping
from decimal import Decimal

from connectors.softwareone.simulated import charging
from connectors.softwareone.simulated.mirror import Amount, Mirror
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.platform import Platform
from connectors.softwareone.simulated.schemas import CLIENT, OPERATIONS, ROLES, VENDOR
from connectors.softwareone.simulated.store import Json, Record, ref, snapshot


class People(Mirror):
    """The people of vendors and of operations; the ERP's documents are in `Mirror`."""

    def add_journal(
        self,
        *,
        external_id: str | None = None,
        authorization: str | None = None,
        name: str = "Made in the portal",
        charges: int = 0,
        net: Amount = "100.00",
    ) -> str:
        """A vendor makes a journal in the portal; returns its id.

        With `charges` it is validated, and they are made while they are read.
        """
        with self.lock:
            found = self.parties.authorizations[authorization or self.known.authorization]
            body: Json = {"name": name}
            if external_id is not None:
                body["externalIds"] = {"vendor": external_id}
            journal = self.platform.new_journal(body, found.id, found.vendor)
            if charges:
                agreement = next(
                    one for one in self.parties.agreements.values() if one.authorization == found
                )
                item = next(
                    (one for one in self.parties.items.values() if one.vendor == found.vendor),
                    None,
                ) or self.parties.add_item(found.vendor)
                journal.charges = charging.made_up(
                    agreement,
                    item,
                    count=charges,
                    total=Decimal(str(net)),
                    digits=journal.id.partition("-")[2],
                    audit=dict(journal.body["audit"]),
                )
                charging.mark(journal.charges, journal=ref(journal.body))
                self.platform.count(journal)
                self.books.touch(journal, found.vendor.ref, status="Validated")
            return journal.id

    def _people(self, role: str, record: Record) -> Account:
        """Who of a role acts on a record."""
        owner = (record.body.get(role) or {}).get("id")
        return self.account(owner if owner and role in ROLES else role)

    def delete_journal(self, journal_id: str) -> None:
        """The vendor deletes a journal; `WrongState` when that is not possible any more."""
        with self.lock:
            journal = self.record(journal_id)
            self.platform.delete_journal(journal, self._people(VENDOR, journal))

    def submit(self, journal_id: str) -> Json:
        """The vendor hands a journal in, in the portal."""
        with self.lock:
            journal = self.record(journal_id)
            self.platform.submit(journal, self._people(VENDOR, journal))
            return snapshot(journal.body)

    def enquire(self, journal_id: str, message: str = "Please correct") -> Json:
        """Operations sends a journal in review back to the vendor: Enquiring."""
        with self.lock:
            journal = self.record(journal_id)
            self.platform.enquiry(journal, self.account(OPERATIONS), message)
            return snapshot(journal.body)

    def accept(self, record_id: str) -> Json:
        """Operations accepts a journal, ledger or custom ledger."""
        return self._operate(record_id, "accept")

    def regenerate(self, journal_id: str) -> Json:
        """Operations has a journal's charges looked at once more."""
        return self._operate(journal_id, "regenerate")

    def cancel(self, statement_id: str) -> Json:
        """Operations gives a statement up."""
        return self._operate(statement_id, "cancel")

    def _operate(self, record_id: str, action: str) -> Json:
        with self.lock:
            record = self.record(record_id)
            self.action(record.kind, action)(record, self.account(OPERATIONS))
            return snapshot(record.body)

    def reset(self, journal_id: str) -> Json:
        """Operations takes an accepted journal back: its ledgers and statements go."""
        with self.lock:
            journal = self.record(journal_id)
            self.platform.reset(journal, self.account(OPERATIONS))
            return snapshot(journal.body)

    def queue(self, ledger_id: str) -> Json:
        """Operations sends a ledger's statements to the ERP, which bills them step by step."""
        with self.lock:
            ledger = self.record(ledger_id)
            self.platform.queue_ledger(ledger, self.account(OPERATIONS))
            return snapshot(ledger.body)

    def fail_statement(self, statement_id: str, message: str = "ERP refused") -> Json:
        """The ERP refuses a statement that was sent to it: Error."""
        with self.lock:
            statement = self.record(statement_id)
            if statement.status == "Generated":
                self.platform.queue_statement(statement)
            self.platform.fail_statement(statement, message)
            return snapshot(statement.body)

    def bill(self, journal_id: str) -> list[str]:
        """Everything from review to the ERP's documents at once; returns the statements' ids."""
        with self.lock:
            self.accept(journal_id)
            self.books.take_all()
            platform: Platform = self.platform
            ledgers = platform.ledgers_of(self.record(journal_id))
            for ledger in ledgers:
                self.accept(ledger.id)
            self.books.take_all()
            for ledger in ledgers:
                self.queue(ledger.id)
            self.books.take_all()
            return [one.id for ledger in ledgers for one in platform.statements_of(ledger)]

    def add_override(self, *, client: str | None = None, vendor: str | None = None) -> str:
        """Operations takes a client out of automated billing; returns the override's id."""
        with self.lock:
            body = {
                "client": self.account(client or CLIENT).ref,
                "vendor": self.account(vendor or VENDOR).ref,
                "status": "Active",
            }
            return self.books.add("manual-overrides", body, self.account(OPERATIONS).ref).id

    def add_subscription(
        self,
        *,
        vendor_id: str | None = None,
        buyer: str | None = None,
        authorization: str | None = None,
        split: Mapping[str, Amount] | None = None,
    ) -> str:
        """A buyer subscribes; charges may name it. `split`: percentages by buyer id."""
        with self.lock:
            found = self.parties.authorizations[authorization or self.known.authorization]
            whose = self.parties.buyers[buyer or self.known.buyer]
            agreement = self.parties.agreement_for(whose, found)
            shares = {one: Decimal(str(part)) for one, part in (split or {}).items()}
            return self.parties.add_subscription(agreement, vendor_id, shares).id

    def add_item(self, *, vendor_id: str | None = None, vendor: str | None = None) -> str:
        """A vendor offers another item; charges may name it."""
        with self.lock:
            return self.parties.add_item(self.account(vendor or VENDOR), vendor_id).id

    def add_client(self, name: str, *, buyers: int = 1) -> str:
        """Another client comes, with buyers; returns the account's id."""
        with self.lock:
            client = self.parties.add_account(CLIENT, name)
            self.give_token(client)
            for number in range(1, buyers + 1):
                self.parties.add_buyer(client, f"{name} {number}")
            return client.id

    def buyers(self, client: str | None = None) -> list[str]:
        """Ids of a client's buyers."""
        with self.lock:
            wanted = self.account(client or CLIENT)
            return [one.id for one in self.parties.buyers.values() if one.client == wanted]
