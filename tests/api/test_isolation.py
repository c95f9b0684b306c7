"""No credential of one organisation reads or changes anything of another, through any route.

The routes are taken from the application's own description, so that new ones are covered: ids of
the other organisation go into every path, query, body and header that takes a string. Three
things must hold: nothing of theirs is in an answer, none of their rows changes and none refers to
them, and the answer is the one that an id of nobody gets.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Role
from models.canonical import AnyRecord
from models.repositories import IssueDraft
from models.tables import Base, MappingKind
from sync import connections
from tests.api.world import World
from tests.factories import a_bill, a_contact, a_payment, an_invoice

WORD = "Rival"
"""In every name, number and sentence of the other organisation."""
EXAMPLES = 8
Rows = dict[str, dict[str, str]]
"""Whole rows as text, by their key, by table."""


@dataclass
class Rival:
    """The other organisation: everything of it, and what its rows were."""

    rows: Rows
    ids: list[str]
    by_name: dict[str, list[str]]
    """Its ids by the name of the thing: `connection`, `document` ..."""
    ours: dict[str, list[str]]
    """The same of the organisation that asks."""


@dataclass
class Operation:
    """One method of one path, as the application describes it."""

    method: str
    path: str
    details: Mapping[str, Any]
    schemas: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass
class Asked:
    """A request that is about to be made."""

    url: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def with_other_ids(self, other: Callable[[str], str]) -> "Asked":
        """The same request with other ids in it."""
        text = _ID.sub(lambda match: other(match[0]), json.dumps(vars(self)))
        return Asked(**json.loads(text))

    def send(self, client: httpx.Client, method: str) -> httpx.Response:
        body = {} if self.body is None else {"json": self.body}
        return client.request(method, self.url, params=self.query, headers=self.headers, **body)


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def all_rows(database: sqlalchemy.Engine) -> Rows:
    """Everything that is stored."""
    found: Rows = {}
    with database.connect() as connection:
        for table in Base.metadata.sorted_tables:
            key = ", ".join(f"t.{column.name}" for column in table.primary_key)
            result = connection.exec_driver_sql(
                f"SELECT concat_ws('/', {key}), to_jsonb(t)::text FROM {table.name} t"
            )
            found[table.name] = {row[0]: row[1] for row in result}
    return found


def new_rows(before: Rows, after: Rows) -> Rows:
    """Rows that were not there before."""
    return {
        table: {key: row for key, row in rows.items() if key not in before[table]}
        for table, rows in after.items()
    }


_NAMES = {
    "accounting_connections": "connection",
    "billing_entities": "entity",
    "connections": "connection",
    "documents": "document",
    "events": "event",
    "issues": "issue",
    "sync_runs": "run",
    "synced_records": "record",
    "webhook_deliveries": "delivery",
    "webhook_endpoints": "subscription",
}


def a_rival(world: World, database: sqlalchemy.Engine) -> Rival:
    """Another organisation with something in every table."""
    before = all_rows(database)
    runtime = world.runtime
    ours = world.entity(f"{WORD}-1", organisation=WORD)
    theirs = world.entity(f"{WORD}-2", organisation=WORD)
    manage = world.client(world.credential(organisation=WORD, manage=True), entity_id=ours)
    with manage:
        for kind in ("accounting_connection", "synced_record", "issue", "sync_run"):
            url = f"https://example.com/{WORD}"
            manage.post("/webhook_subscriptions", json={"object_type": kind, "url": url})
    ledger = world.connect(ours)
    external = connections.add(
        runtime.engine,
        runtime.opener,
        connections.NewConnection(
            billing_entity_id=theirs,
            provider="external",
            role=Role.LEDGER,
            credentials={},
            settings={"organisation_id": WORD},
            base_url=None,
            schedule="24h",
            start_date=date(2026, 1, 1),
        ),
        actor=WORD,
    )
    records: list[AnyRecord] = [
        a_contact("C-1", name=f"{WORD} customer"),
        an_invoice("I-1", number=f"{WORD}-I-1"),
        an_invoice("I-2", number=f"{WORD}-I-2"),
        a_bill("B-1", number=f"{WORD}-B-1"),
        a_payment("Z-1", reference=f"{WORD}-Z-1"),
    ]
    for entity in (ours, theirs):
        world.hand_in(*records, entity_id=entity)
    with runtime.begin() as work:
        draft = IssueDraft("refused", WORD, f"{WORD} refused", "bookkeeper", f"call {WORD}")
        work.issues.open(ledger, [draft])
        work.mappings.set(ledger, MappingKind.ACCOUNT, f"{WORD}-1", f"{WORD}-2", by=WORD)
    with world.client(world.credential(connection_id=external.id), entity_id=theirs) as client:
        tasks = client.get("/accounting/sync-tasks").json()["tasks"]
        reports = [
            {"status": "COMPLETED", "platform_id": f"{WORD}-P"},
            {
                "status": "FAILED",
                "failure": {"error_type": "INTERNAL_ERROR", "error_message": WORD},
            },
        ]
        for task, report in zip(tasks, reports, strict=False):
            client.post(f"/accounting/sync-tasks/{task['id']}/update-status", json=report)
    rows = new_rows(before, all_rows(database))
    by_name = _by_name(rows)
    ids = sorted({key for keys in by_name.values() for key in keys} | set(rows["organisations"]))
    return Rival(rows, ids, by_name, _by_name(before))


def _by_name(rows: Rows) -> dict[str, list[str]]:
    return {name: sorted(rows[table]) for table, name in _NAMES.items() if rows.get(table)}


def operations(world: World) -> list[Operation]:
    """Every operation of the versioned API, as the running server describes them."""
    described = httpx.get(f"{world.url}/openapi.json").json()
    return [
        Operation(method, path.removeprefix("/v1"), details, described["components"]["schemas"])
        for path, methods in described["paths"].items()
        if path.startswith("/v1/")
        for method, details in methods.items()
    ]


class Filler:
    """Fills a request with ids of the rival, as the description of the operation allows."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], rival: Rival) -> None:
        self._draw = draw
        self._rival = rival
        self._stored = False
        """Whether free words are kept: what a caller said of itself comes back to it later."""

    def request(self, operation: Operation, entities: list[str]) -> Asked:
        """A request; its entity is our own or the rival's."""
        asked = Asked(operation.path)
        asked.headers["x-monite-entity-id"] = self._draw(st.sampled_from(entities))
        for parameter in operation.details.get("parameters", []):
            name, where = parameter["name"], parameter["in"]
            if where == "header":
                continue
            if where == "query" and not parameter["required"] and not self._draw(st.booleans()):
                continue
            value = self.value(parameter["schema"], operation.schemas, name)
            if name == "external_id" and operation.method == "put":
                value = "A-2"
            if where == "path" and "requestBody" in operation.details:
                # Something of ours may be told to have to do with something of theirs.
                own = self._fitting(self._rival.ours, name)
                value = self._draw(st.sampled_from([value, *own[:1]]))
            if where == "path":
                asked.url = re.sub(rf"{{{name}(:path)?}}", str(value), asked.url)
            else:
                asked.query[name] = value
        content = operation.details.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = content["application/json"]["schema"]
            self._stored = True
            asked.body = self.value(schema, operation.schemas, "")
            self._stored = False
        return asked

    def value(self, schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> Any:
        """Something that fits a schema, with an id wherever a string may be one."""
        if "$ref" in schema:
            return self.value(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, name)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                some = [one for one in schema[several] if one.get("type") != "null"]
                return self.value(self._draw(st.sampled_from(some)), schemas, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._draw(st.sampled_from(schema["enum"]))
        match schema.get("type"):
            case "object":
                return self._object(schema, schemas)
            case "array":
                return [self.value(schema.get("items", {}), schemas, name)]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return self._draw(st.booleans())
        return self._text(schema, name)

    def _object(self, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
        required = schema.get("required", [])
        return {
            name: self.value(one, schemas, name)
            for name, one in schema.get("properties", {}).items()
            if name in required or self._draw(st.booleans())
        }

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        fixed = {"date": "2026-03-15", "date-time": "2026-03-15T12:00:00Z"}
        if schema.get("format") in fixed:
            return fixed[schema["format"]]
        if schema.get("format") == "uri" or name == "url":
            return "https://example.com/hook"
        if name in {"currency", "base_currency"}:
            return "EUR"
        if re.search("amount|total|price|quantity|rate$", name):
            return "1"
        if self._stored and schema.get("format") != "uuid":
            return str(self._draw(st.sampled_from(["A-1", "A-2", "text"])))
        fitting = self._fitting(self._rival.by_name, name) or self._rival.ids
        return str(self._draw(st.sampled_from(fitting) | st.sampled_from(self._rival.ids)))

    @staticmethod
    def _fitting(ids: Mapping[str, list[str]], name: str) -> list[str]:
        """Ids of the kind of thing that a parameter is named after."""
        return next((some for what, some in ids.items() if name.endswith(f"{what}_id")), [])


@pytest.fixture
def rival(world: World, database: sqlalchemy.Engine) -> Rival:
    return a_rival(world, database)


@pytest.fixture
def clients(world: World, rival: Rival) -> Iterator[list[httpx.Client]]:
    """Every kind of credential that an organisation can have; none of the rival's."""
    assert rival.ids
    world.hand_in(a_contact("A-1"), an_invoice("A-1", contact_id="A-1"))
    made = [
        world.client(),
        world.client(world.credential()),
        world.client(world.credential(manage=True)),
    ]
    yield made
    for client in made:
        client.close()


def test_nothing_of_another_organisation_is_read_or_changed(
    world: World, rival: Rival, clients: list[httpx.Client], database: sqlalchemy.Engine
) -> None:
    strangers = set(rival.ids)
    # Most requests are about our own entity: others are turned away at the door.
    entities = [str(world.entity_id)] * 6 + rival.by_name["entity"]

    def holds(operation: Operation) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.data())
        def for_every_request(data: st.DataObject) -> None:
            client = data.draw(st.sampled_from(clients))
            asked = Filler(data.draw, rival).request(operation, entities)
            answer = asked.send(client, operation.method)
            nobody = _without(strangers)
            same = asked.with_other_ids(nobody).send(client, operation.method)

            sent = set(_ID.findall(json.dumps(vars(asked))))
            assert answer.status_code < 500, answer.text
            assert WORD not in answer.text
            assert not (set(_ID.findall(answer.text)) & strangers) - sent
            assert _kind(answer) == _kind(same)

        for_every_request()

    before = all_rows(database)
    described = operations(world)
    for operation in described:
        holds(operation)
        after = all_rows(database)
        for table, rows in rival.rows.items():
            changed = [key for key, row in rows.items() if after[table].get(key) != row]
            assert changed == [], f"{operation} changed {table}"
        assert _referring(new_rows(before, after), strangers) == [], operation
    assert len(described) > 10


def _without(strangers: set[str]) -> Callable[[str], str]:
    """Replaces ids of the rival by ids of nobody, the same one by the same."""
    known: dict[str, str] = {}
    return lambda text: known.setdefault(text, str(uuid4())) if text in strangers else text


def _kind(answer: httpx.Response) -> tuple[int, str]:
    """What an answer says, apart from the ids in it: a success or the exact refusal."""
    if answer.is_success:
        return 200, ""
    body = answer.json()
    return answer.status_code, body["error"]["type"] if "error" in body else ""


# What a caller of ours said, in words: a caller may say the id of a stranger.
_WORDS = {"audit_log", "idempotency_keys"}


def _referring(rows: Rows, strangers: set[str]) -> list[tuple[str, str]]:
    """Rows that point to the rival's, by a column that holds ids."""
    found = []
    for table in Base.metadata.sorted_tables:
        if table.name in _WORDS:
            continue
        names = [column.name for column in table.columns if column.type.python_type is UUID]
        for key, row in rows[table.name].items():
            values = json.loads(row)
            if any(values[name] in strangers for name in names):
                found.append((table.name, key))
    return found
