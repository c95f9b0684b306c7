"""The HTTP side of the simulated QuickBooks Online: who may come in, and what calls do.

The order of checks is ours: token, company, limits, state of the company, then the request itself.
"""

import datetime as dt
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from connectors.faults import Answer, Fault, Refusal, Request
from connectors.quickbooks.simulated import (
    answers,
    batch,
    cdc,
    finding,
    identity,
    query,
    reception,
    writing,
)
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.company import Company
from connectors.quickbooks.simulated.entities import BY_PATH, ENTITIES
from connectors.quickbooks.simulated.identity import Identity
from connectors.quickbooks.simulated.limiter import Limiter
from connectors.quickbooks.simulated.render import shown
from connectors.quickbooks.simulated.rules import QuickBooksRules
from connectors.quickbooks.simulated.sample import furnish
from connectors.simulator import Simulator, route

_COMPANY = r"/v3/company/(?P<realm>\d+)/(?P<rest>.+)"


@dataclass
class Clock:
    """The simulator's time: the real one, moved."""

    passed: dt.timedelta = dt.timedelta(0)

    def now(self) -> dt.datetime:
        """The time at Intuit."""
        return dt.datetime.now(dt.UTC) + self.passed


@dataclass(frozen=True)
class Remembered:
    """The answer that a request id got."""

    at: dt.datetime
    answer: Answer


class QuickBooksService(Simulator):
    """Companies, tokens for them, and the calls of the accounting API."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: answers.internal(),
        Fault.ERROR_AFTER: answers.internal(),
        Fault.THROTTLE: answers.throttled(),
        Fault.AWAY: answers.away(),
        Fault.EXPIRED: answers.unauthenticated(),
        Fault.STALE: Answer(400, {"Fault": answers.stale().fault(), "time": "2026-11-21T00:00:00"}),
    }

    def __init__(self, rules: QuickBooksRules, *, seed: int) -> None:
        super().__init__()
        self.rules = rules
        self.base_url = ""
        self.clock = Clock()
        # Only ids and words of make-believe come from it; equal seeds make equal books.
        self.chance = random.Random(seed)  # noqa: S311  # nothing to protect
        self.uk = self._company("Example Haulage Ltd", "GB", "GBP")
        self.us = self._company("Example Freight Inc", "US", "USD")
        self.companies = {one.realm: one for one in (self.uk, self.us)}
        self.identity = Identity(
            lambda: self.rules,
            self.now,
            self.chance,
            lambda: {"uk": self.uk.realm, "us": self.us.realm},
        )
        self.limiter = Limiter(lambda: self.rules, self._seconds)
        self.calls: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.request_ids: Counter[str] = Counter()
        self.peak_in_flight: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._remembered: dict[tuple[str, ...], Remembered] = {}

    def _company(self, name: str, country: str, currency: str) -> Company:
        company = Company(
            realm=f"93{self.chance.getrandbits(44):014d}",
            name=name,
            country=country,
            currency=currency,
            rules=lambda: self.rules,
            now=self.now,
            chance=self.chance,
            lock=self.lock,
        )
        furnish(company)
        return company

    @property
    def token_calls(self) -> Counter[str]:
        """Grants at the token address, refused ones by their error."""
        return self.identity.calls

    @property
    def limit_breaches(self) -> Counter[str]:
        """How often a client came with too many, by limit."""
        return self.limiter.breaches

    @property
    def reads(self) -> Counter[str]:
        """Metered reads of this month, by realm."""
        return self.limiter.reads

    def now(self) -> dt.datetime:
        """The time at Intuit."""
        return self.clock.now()

    def _seconds(self) -> float:
        real = dt.datetime.now(dt.UTC).timestamp() * self.rules.time_scale
        return real + self.clock.passed.total_seconds()

    def handle(self, request: Request) -> Answer:
        """Answer a request; several may be under way as long as their answers take."""
        realm = request.path.removeprefix("/v3/company/").partition("/")[0]
        with self.lock:
            self._in_flight[realm] += 1
            if realm in self.companies:
                most = max(self.peak_in_flight[realm], self._in_flight[realm])
                self.peak_in_flight[realm] = most
        try:
            answer = super().handle(request)
            if self.rules.answer_takes:
                threading.Event().wait(self.rules.answer_takes)
        finally:
            with self.lock:
                self._in_flight[realm] -= 1
        tid = {"intuit_tid": f"1-{uuid.uuid4()}"}
        return replace(answer, headers={**answer.headers, **tid})

    @route("GET", identity.AUTHORIZE)
    def authorize(self, request: Request) -> Answer:
        """Where the owner of the books consents."""
        return self.identity.authorize(request)

    @route("POST", identity.TOKEN)
    def token(self, request: Request) -> Answer:
        """Where tokens come from."""
        return self.identity.token(request)

    @route("POST", identity.REVOKE)
    def revoke(self, request: Request) -> Answer:
        """Where tokens end."""
        return self.identity.revoke(request)

    @route("GET", identity.DISCOVERY + "/?")
    def discover(self, request: Request) -> Answer:  # noqa: ARG002  # what a route is given
        """Where everything is."""
        return Answer(200, identity.discovery(self.base_url))

    @route("GET", _COMPANY)
    def get(self, request: Request, realm: str, rest: str) -> Answer:
        """All reads that are no POST."""
        return self._answered(request, realm, rest)

    @route("POST", _COMPANY)
    def post(self, request: Request, realm: str, rest: str) -> Answer:
        """Writes, batches, and queries that are too long for an address."""
        return self._answered(request, realm, rest)

    def _answered(self, request: Request, realm: str, rest: str) -> Answer:
        company = self._admitted(request, realm, batch=rest == "batch")
        try:
            reception.negotiate(request)
            company.must_be_well()
            if rest == "batch" and request.method == "POST":
                return self._batch(company, request)
            if request.method == "POST" and rest != "query":
                return self._write(company, request, rest)
            return self._read(company, request, rest)
        except Refused as refused:
            return self._fault(refused)

    def _admitted(self, request: Request, realm: str, *, batch: bool) -> Company:
        opened = self.identity.realm_of(reception.bearer(request))
        if opened is None:
            raise answers.stop(answers.unauthenticated())
        company = self.companies.get(realm)
        if company is None or opened != realm:
            raise answers.stop(answers.forbidden())
        if company.offline:
            raise answers.stop(answers.away())
        if full := self.limiter.take(realm, batch=batch):
            raise self._throttled(full)
        return company

    def _throttled(self, what: str) -> Refusal:
        rules = self.rules
        return answers.stop(
            answers.throttled(rules.throttles_with, xml=rules.throttles_in_xml, what=what)
        )

    def _fault(self, refused: Refused) -> Answer:
        silent = self.rules.faults_with_200 and refused.kind == "ValidationFault"
        return self._said({"Fault": refused.fault()}, 200 if silent else refused.status)

    def _said(self, body: Json, status: int = 200) -> Answer:
        stamp = self.now().astimezone(self.uk.books.zone).isoformat(timespec="milliseconds")
        return Answer(status, answers.outgoing({**body, "time": stamp}))

    # Reads.

    def _read(self, company: Company, request: Request, rest: str) -> Answer:
        self._must_have_reads_left(company)
        answer = self._said(self._found(company, request, rest))
        self.limiter.reads[company.realm] += 1
        return answer

    def _must_have_reads_left(self, company: Company) -> None:
        if not self.limiter.read_is_left(company.realm, f"{self.now():%Y-%m}"):
            raise self._throttled("month")

    def _found(self, company: Company, request: Request, rest: str) -> Json:
        name, _, row_id = rest.partition("/")
        if rest in {"query", "cdc"}:
            self.calls[rest] += 1
        if rest == "query":
            given = reception.parameters(request, "query", self.rules)
            statement = given.get("query", "")
            if request.method == "POST":
                statement = request.body.decode("utf-8", "replace")
            return {"QueryResponse": self._queried(company, statement)}
        if rest == "cdc":
            given = reception.parameters(request, "cdc", self.rules)
            self.operations["cdc"] += 1
            return cdc.changes(company.books, given.get("entities"), given.get("changedSince"))
        entity = BY_PATH.get(name)
        reception.parameters(request, "read", self.rules)
        if entity is None or (not row_id and entity.name != "Preferences"):
            raise answers.not_modelled(f"{request.method} {rest}")
        self._count("read", entity.name)
        if entity.name in {"Preferences", "CompanyInfo"}:
            row_id = self._own(company, entity.name, row_id)
        row = company.books.find(entity.name, row_id)
        if row is None:
            raise answers.gone()
        return {entity.name: shown(company.books, row)}

    def _own(self, company: Company, name: str, given: str) -> str:
        """The id of the only row; the company's information goes by its realm."""
        if name == "CompanyInfo" and given != company.realm:
            raise answers.gone()
        company.tell_preferences()
        return "1"

    def _queried(self, company: Company, statement: str) -> Json:
        asked = query.parse(statement, company.books)
        name = asked.entity.name
        self.operations[f"query {name}"] += 1
        company.tell_preferences()
        found = finding.run(company.books, asked)
        if actions := company.page_actions.get(name):
            actions.pop(0)()
        return found

    # Writes.

    def _count(self, verb: str, entity: str) -> None:
        self.calls[f"{verb} {entity}"] += 1
        self.operations[f"{verb} {entity}"] += 1

    def _write(self, company: Company, request: Request, rest: str) -> Answer:
        given = reception.parameters(request, "write", self.rules)
        entity = BY_PATH.get(rest)
        if entity is None:
            raise answers.not_modelled(f"POST {rest}")
        include = frozenset(filter(None, given.get("include", "").split(",")))
        asked = writing.wish(entity, self._body(request), given.get("operation"), include)
        self._count(asked.verb, entity.name)

        def do() -> Answer:
            try:
                return self._said({entity.name: writing.perform(company.books, asked)})
            except Refused as refused:
                return self._fault(refused)

        return self._once((company.realm,), given.get("requestid", ""), do)

    def _body(self, request: Request) -> Any:
        try:
            return request.json()
        except Refusal:
            raise Refused(
                "2010", "Request has invalid or unsupported property", "the body is not JSON"
            ) from None

    def _once(self, scope: tuple[str, ...], request_id: str, do: Callable[[], Answer]) -> Answer:
        """Do it, unless it was done already under the same request id."""
        rules = self.rules
        if not request_id:
            return do()
        self.request_ids[request_id] += 1
        key = (*scope, request_id)
        known = self._remembered.get(key)
        if known and rules.remembers_request_ids and self._lives(known):
            return known.answer
        answer = do()
        if rules.remembers_refusals or "Fault" not in answer.body:
            self._remembered[key] = Remembered(self.now(), answer)
        return answer

    def _lives(self, known: Remembered) -> bool:
        return self.now() < known.at + self.rules.request_id_life

    # Batches.

    def _batch(self, company: Company, request: Request) -> Answer:
        given = reception.parameters(request, "batch", self.rules)
        items = batch.read(self._body(request), self.rules.batch_size)
        self.calls["batch"] += 1
        request_id = given.get("requestid", "")
        if any("Query" in item for item in items):
            self._must_have_reads_left(company)
        ids = ",".join(sorted(item["bId"] for item in items))
        if request_id:
            self.request_ids[request_id] += 1

        room = self.rules.largest_answer

        def do(item: Json) -> Json:
            nonlocal room
            key = (company.realm, "batch", request_id, ids, item["bId"])
            known = self._remembered.get(key) if request_id else None
            if known and self.rules.remembers_request_ids and self._lives(known):
                if not self.rules.repeats_batches:
                    raise answers.business("Unexpected Internal Error. (-30000)")
                found: Json = known.answer.body
                return found
            said = self._item_or_fault(company, item)
            room -= said.get("QueryResponse", {}).get("maxResults", 0)
            if room < 0:
                most = self.rules.largest_answer
                raise answers.business(f"A batch is answered with {most} objects at most.")
            if request_id and (self.rules.remembers_refusals or "Fault" not in said):
                self._remembered[key] = Remembered(self.now(), Answer(200, said))
            return said

        return self._said({"BatchItemResponse": batch.run(items, request_id, do)})

    def _item_or_fault(self, company: Company, item: Json) -> Json:
        try:
            return self._item(company, item)
        except Refused as refused:
            return {"Fault": refused.fault()}

    def _item(self, company: Company, item: Json) -> Json:
        if "Query" in item:
            if not isinstance(item["Query"], str) or item.keys() - {"bId", "Query"}:
                raise answers.invalid("Query", item["Query"])
            found = {"QueryResponse": self._queried(company, item["Query"])}
            self.limiter.reads[company.realm] += 1
            return found
        if item.get("optionsData") is not None:
            raise answers.not_modelled("optionsData")
        name, body = batch.object_in(item)
        operation = item.get("operation")
        if operation is None:
            raise answers.missing("operation")
        asked = writing.wish(ENTITIES[name], body, operation, ())
        self.operations[f"{asked.verb} {name}"] += 1
        return {name: writing.perform(company.books, asked)}
