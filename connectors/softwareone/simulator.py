"""The SoftwareOne Marketplace's billing on loopback: accounts, the platform, the ERP behind it.

Tests change things as people do (`add_invoice`, `edit`, `pay`, `enquire`, `accept` ...) and ask
what is really there (`get`, `journals`, `charges`, `twice`, `calls`): those answers come from the
platform's own books and not through the API. What the platform does by itself a while after a
call (validating an upload, generating ledgers, sending statements to the ERP) happens when its
time has come, `steps_take` later, or at once with `settle`::

    marketplace = Marketplace(steps_take=timedelta(minutes=5))
    ...                                             # the code under test makes and uploads
    marketplace.settle()                            # the platform validates
    (journal,) = marketplace.journals(external_id="JE-2026-001")
    marketplace.enquire(journal["id"], "The period is wrong")    # operations sends it back
    assert marketplace.twice() == []

Records are named by their id. What is handed out is a snapshot in the API's own words, with all
that any role may see, amounts as `Decimal`.
"""

import datetime as dt
from collections import Counter
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from connectors.simulator import Sandbox
from connectors.softwareone.simulated import sample
from connectors.softwareone.simulated.parties import Known
from connectors.softwareone.simulated.people import People
from connectors.softwareone.simulated.schemas import CLIENT, OPERATIONS, VENDOR
from connectors.softwareone.simulated.steps import WrongState
from connectors.softwareone.simulated.store import Json, snapshot
from connectors.softwareone.simulated.traits import Traits

__all__ = ["Known", "Marketplace", "WrongState", "sandbox"]


class Marketplace(People):
    """A Marketplace with one operations account, two vendors and two clients.

    What people do on it (`add_invoice`, `pay`, `enquire`, `bill` ...) is in `People`; when the
    state does not allow it they are told so by `WrongState`.

    `start`, `stop`, `running`, `transport`, `faults`, `requests`, `traffic` and `crashes` (should
    stay empty) are those of every simulator. `start` gives the root; the API is below
    `/public/v1` (and `/v1`).

    Attributes:
        base_url: Where it is; until it is started only `transport` leads there.
        known: Ids for bodies of tests (see `Known`): `authorization`, `other_authorization` (same
            vendor, other currency), `foreign_authorization` (other vendor), `agreement`,
            `subscription`, `item`, `buyer`, `second_buyer` (of the same client), `foreign_buyer`
            (of the other client), `client`, `other_client`, `vendor`, `other_vendor`,
            `operations` (accounts), `seller`, `other_seller`, `licensee`, `product`; and the
            vendor's own ids `subscription_vendor_id`, `item_vendor_id`, `agreement_vendor_id`.
        calls: How often each kind of call came in, refused ones and those that met a fault
            included: `list invoices`, `get invoices`, `create journals`, `upload journals`,
            `submit journals`, `list journals/charges`, `get invoices/lines`,
            `create journals/attachments`, `retry statements`, `download` (files), `other` ...
        written: How often something was really written: `create journals` ...
        leaked: Paths of file downloads that came with a bearer token (they are refused).
    """

    base_url: str = "http://localhost"

    def __init__(self, *, seed: int = 0, documents: int = 0, **traits: Any) -> None:
        """Equal seeds make equal ids.

        Args:
            seed: Where ids, names and tokens come from.
            documents: About how many invoices there are already, with some credit memos and
                statements.
            traits: See `change`.
        """
        super().__init__(seed=seed, traits=Traits(**traits))
        sample.fill(self, documents)

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the root URL."""
        self.base_url = super().start(port)
        return self.base_url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None
    ) -> None:
        self.stop()

    def change(self, **traits: Any) -> None:
        """Let the platform behave differently from now on, where no source decides.

        * `steps_take=timedelta(0)`: how long its own steps take (0: done before the next call).
        * `wrong_state=400`: status of an action that the state does not allow (400, 403, 409).
        * `error_list=False`: `errors` as a list of objects instead of an object of lists.
        * `default_limit=10`: rows of a page when no `limit` is sent.
        * `omits_audit=True`: journals, charges and some attachments lack `audit` if not selected.
        * `omits_lines=True`: lists of invoices and credit memos lack `lines` if not selected.
        * `audit_filters="refused"`: what becomes of filters and orders on `audit.*` without
          `select=audit`: `refused` (400), `ignored`, `kept`.
        * `unstable_order=True`: rows that no order tells apart come differently every time.
        * `line_paths=True`: whether `/invoices/{id}/lines` and the same of credit memos exist.
        * `updates_invoices=False`: whether `PUT /invoices/{id}` exists (else 405).
        * `retry_leads_to="Queued"`: or `Generated`, where a retried statement goes.
        * `operations_upload=False`: whether operations may upload charges into journals.
        * `overrides_at="manual-overrides"`: or `overrides`.
        * `streams=False`: whether lists understand `MPT-Streaming`.
        * `json_lines=True`: whether statement charges answer `Accept: application/jsonl`.
        * `journal_error="id"`: shape of a journal's `error`: `id`, `errorCode` or `code`.
        * `long_times=False`: times with seven decimals and an offset.
        * `largest_upload=500 MB`, `largest_stream=None`: bytes, rows; more is refused with 413.
        """
        with self.lock:
            self.traits = replace(self.traits, **traits)

    def pass_time(self, time: dt.timedelta) -> None:
        """Move the clock forward: steps become due, tokens begin to work, file links end."""
        with self.lock:
            self.passed += time
            self.books.take_due()

    def settle(self) -> None:
        """Let everything that the platform has under way finish now."""
        with self.lock:
            self.books.take_all()

    def credentials(self, role: str = VENDOR) -> dict[str, str]:
        """`{"api_token": ...}` of an account: `client`, `vendor`, `operations`, or one by id."""
        with self.lock:
            return {"api_token": self.tokens[self.account(role).id].value}

    def headers(self, role: str = VENDOR, **others: str) -> dict[str, str]:
        """What a request by plain HTTP needs; others go on top, `_` stands for `-`."""
        mine = {"authorization": f"Bearer {self.credentials(role)['api_token']}"}
        return {**mine, **{name.replace("_", "-"): value for name, value in others.items()}}

    def replace_token(
        self, role: str = VENDOR, *, works_after: dt.timedelta = dt.timedelta(0)
    ) -> str:
        """Somebody deletes an account's token and makes another, which may need a minute."""
        with self.lock:
            return self.give_token(self.account(role), works_after)

    def revoke(self, role: str = VENDOR) -> None:
        """Somebody deletes an account's token: 401."""
        self.replace_token(role)

    def withhold(self, role: str = VENDOR) -> None:
        """Somebody takes the billing module from an account's token: 403, until it is replaced."""
        with self.lock:
            self.change_token(self.account(role), modules=frozenset())

    def get(self, record_id: str) -> Json:
        """A record as it stands, with everything; a `LookupError` when it is not there."""
        with self.lock:
            return snapshot(self.record(record_id).body)

    def records(self, collection: str) -> list[Json]:
        """All of `invoices`, `credit-memos`, `journals`, `statements` ..., oldest first."""
        with self.lock:
            self.books.take_due()
            return [snapshot(one.body) for one in self.books.of_kind(collection)]

    def journals(self, *, external_id: str | None = None, deleted: bool = False) -> list[Json]:
        """Journals that are not deleted (or all), with a vendor's id or all, oldest first."""
        return [
            one
            for one in self.records("journals")
            if (deleted or one["status"] != "Deleted")
            and external_id in {None, (one.get("externalIds") or {}).get("vendor")}
        ]

    def charges(self, record_id: str) -> list[Json]:
        """The charges of a journal, ledger, custom ledger or statement, in their order."""
        with self.lock:
            return [snapshot(one) for one in self.record(record_id).charges]

    def attachments(self, record_id: str) -> list[Json]:
        """The attachments of a record, deleted ones included."""
        with self.lock:
            return [snapshot(one.body) for one in self.record(record_id).files.values()]

    def twice(self) -> list[tuple[str, str]]:
        """What is there twice: `journals` of one vendor's id, `charges` of one entry id.

        Deleted journals do not count; nor do charges in error, and of split charges the shares.
        """
        journals: Counter[str] = Counter()
        entries: Counter[str] = Counter()
        for journal in self.journals():
            scope = journal["authorization"]["id"]
            if key := (journal.get("externalIds") or {}).get("vendor"):
                journals[f"{scope} {key}"] += 1
            entries.update(
                f"{scope} {one['externalIds']['vendor']}"
                for one in self.charges(journal["id"])
                if not one.get("parent") and one["upload"]["status"] != "Error"
            )
        found = [("journals", key) for key, times in journals.items() if times > 1]
        return [*found, *(("charges", key) for key, times in entries.items() if times > 1)]


def sandbox(*, port: int = 0, seed: int = 0, role: str = CLIENT) -> Sandbox:
    """Serve a Marketplace with some months of documents; its own steps take two seconds.

    The credentials are those of the first account of a role.
    """
    marketplace = Marketplace(seed=seed, documents=40, steps_take=dt.timedelta(seconds=2))
    known = marketplace.known
    settings: dict[str, Any] = {"account_role": role}
    if role == CLIENT:
        settings["buyers"] = [known.buyer, known.second_buyer]
    if role == OPERATIONS:
        settings["sellers"] = [known.seller, known.other_seller]
    return Sandbox(
        base_url=marketplace.start(port),
        credentials=dict(marketplace.credentials(role)),
        settings=settings,
        simulator=marketplace,
    )
