"""The marketplace's collections, each with the operations that the Billing API has for it.

Addresses are those of the platform's OpenAPI description 4.0.2162, read 2026-11-20. What all of
them have in common (lists, lines, charges, attachments) is in `rows`.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from connectors.errors import Rejected
from connectors.softwareone.client import JSON_LINES, Attached, Client
from connectors.softwareone.errors import is_gone
from connectors.softwareone.rows import Attachments, Charges, Lines, Rows, write_lines
from connectors.softwareone.wire import Listing, Thing

_Answer = TypeVar("_Answer")


class Collection(Rows):
    """A collection of its own."""

    def attachments(self, one: str) -> Attachments:
        """Files kept with one object."""
        return Attachments(self._client, self.collection, one)

    def charges(self, one: str) -> Charges:
        """Charges of one object."""
        return Charges(self._client, self.collection, one)

    def _created(self, content: Mapping[str, Any]) -> Thing:
        self._allow("create")
        return self._client.send("POST", self._path(), content)

    def _updated(self, one: str, content: Mapping[str, Any]) -> Thing:
        self._allow("update")
        return self._client.send("PUT", self._path(one), content)

    def _deleted(self, one: str) -> None:
        self._allow("delete")
        self._client.send("DELETE", self._path(one))

    def _done(self, one: str, action: str, content: Mapping[str, Any] | None = None) -> Thing:
        """An action, which has an address of its own."""
        self._allow(action)
        return self._client.send("POST", self._path(one, action), content or {})

    def _uploaded(self, one: str, file: Attached) -> Thing:
        self._client.allow(self.collection, "upload charges")
        return self._client.upload(self._path(one, "upload"), file)


class Invoices(Collection):
    """Mirrors of the ERP's invoices."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "invoices")

    def lines(self, one: str) -> Lines:
        """Lines of an invoice."""
        return Lines(self._client, self.collection, one)

    def update(self, one: str, content: Mapping[str, Any]) -> Thing:
        """Change what may be changed; newer generations of the API have no such call."""
        return self._updated(one, content)


class CreditMemos(Collection):
    """Mirrors of the ERP's credit memos."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "credit-memos")

    def lines(self, one: str) -> Lines:
        """Lines of a credit memo."""
        return Lines(self._client, self.collection, one)


class Journals(Collection):
    """A vendor's billing data."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "journals")

    def create(self, content: Mapping[str, Any]) -> Thing:
        """Open a journal; nothing keeps a second one with the same external id away."""
        return self._created(content)

    def update(self, one: str, content: Mapping[str, Any]) -> Thing:
        """Change its name, notes, due date, or (operations) who looks after it."""
        return self._updated(one, content)

    def delete(self, one: str) -> None:
        """Remove it with its charges, while it is not handed in."""
        self._deleted(one)

    def upload(self, one: str, file: Attached) -> Thing:
        """Replace all its charges; what is validated, is validated afterwards."""
        return self._uploaded(one, file)

    def upload_lines(self, one: str, lines: Iterable[bytes | Mapping[str, Any]]) -> Thing:
        """Replace all its charges by these, one JSON object each.

        They are written to a temporary file first: what fails while they are made sends nothing,
        and the platform is told the length.
        """
        self._client.allow(self.collection, "upload charges")
        with tempfile.TemporaryFile() as file:
            write_lines(file, lines)
            return self.upload(one, ("charges.jsonl", file, JSON_LINES))

    def submit(self, one: str) -> Thing:
        """Hand it in for review."""
        return self._done(one, "submit")

    def regenerate(self, one: str) -> Thing:
        """Validate and rate it again (operations)."""
        return self._done(one, "regenerate")

    def enquiry(self, one: str, content: Mapping[str, Any] | None = None) -> Thing:
        """Give it back to the vendor with a question (operations)."""
        return self._done(one, "enquiry", content)

    def accept(self, one: str) -> Thing:
        """Let ledgers be made of it (operations)."""
        return self._done(one, "accept")

    def sellers(self, one: str) -> Iterator[Thing]:
        """The sellers that its charges are for."""
        return Rows(self._client, self.collection, one, "sellers", what="seller").every(order=())


class Ledgers(Collection):
    """A journal's charges of one seller (operations)."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "ledgers")

    def update(self, one: str, content: Mapping[str, Any]) -> Thing:
        """Change who looks after it."""
        return self._updated(one, content)

    def recalculate(self, one: str) -> Thing:
        """Rate it again: what the Billing API page calls regenerating."""
        return self._done(one, "recalculate")

    def accept(self, one: str) -> Thing:
        """Let statements be made of it."""
        return self._done(one, "accept")


class CustomLedgers(Collection):
    """Billing by hand (operations)."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "custom-ledgers")

    def create(self, content: Mapping[str, Any]) -> Thing:
        """Open one."""
        return self._created(content)

    def update(self, one: str, content: Mapping[str, Any]) -> Thing:
        """Change it."""
        return self._updated(one, content)

    def delete(self, one: str) -> None:
        """Remove it."""
        self._deleted(one)

    def upload(self, one: str, file: Attached) -> Thing:
        """Replace its charges: a workbook (XLSX), which is all that is taken in practice."""
        return self._uploaded(one, file)

    def accept(self, one: str) -> Thing:
        """Submit it, in the words of the Billing API page: it has no other address."""
        return self._done(one, "accept")


class Overrides(Collection):
    """Clients that are billed by hand (operations).

    One page has them at `/billing/overrides`: where the first address is not there, the other is
    tried, for a 404 has done nothing.
    """

    _ADDRESSES = ("manual-overrides", "overrides")

    def __init__(self, client: Client) -> None:
        super().__init__(client, "manual-overrides")

    def page(self, where: str = "", **asked: Any) -> tuple[Listing, Mapping[str, str]]:
        """One page and its headers."""
        return self._somewhere(lambda: super(Overrides, self).page(where, **asked))

    def get(self, one: str, *, select: Sequence[str] = ()) -> Thing:
        """One of them."""
        return self._somewhere(lambda: super(Overrides, self).get(one, select=select))

    def _somewhere(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except Rejected as error:
            if not is_gone(error):
                raise
            first, before = error, self._parts
        self._parts = tuple(name for name in self._ADDRESSES if name != before[0])
        try:
            return call()
        except Rejected:
            self._parts = before
            raise first from None

    def create(self, content: Mapping[str, Any]) -> Thing:
        """Take a client of a vendor out of automated billing."""
        return self._somewhere(lambda: self._created(content))

    def update(self, one: str, content: Mapping[str, Any]) -> Thing:
        """Change its notes."""
        return self._somewhere(lambda: self._updated(one, content))

    def disable(self, one: str) -> Thing:
        """End it."""
        return self._somewhere(lambda: self._done(one, "disable"))

    def enable(self, one: str) -> Thing:
        """Let it hold again."""
        return self._somewhere(lambda: self._done(one, "enable"))


class Statements(Collection):
    """Billing entries of one agreement and buyer."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "statements")

    def retry(self, one: str) -> Thing:
        """Send it to the ERP once more, from an error (operations)."""
        return self._done(one, "retry")

    def recalculate(self, one: str) -> Thing:
        """Make it anew, from an error (operations)."""
        return self._done(one, "recalculate")

    def cancel(self, one: str) -> Thing:
        """Give it up (operations)."""
        return self._done(one, "cancel")


class Billing:
    """Everything, at one place."""

    def __init__(self, client: Client) -> None:
        self.invoices = Invoices(client)
        self.credit_memos = CreditMemos(client)
        self.journals = Journals(client)
        self.ledgers = Ledgers(client)
        self.custom_ledgers = CustomLedgers(client)
        self.overrides = Overrides(client)
        self.statements = Statements(client)
