"""Requests that are made to hurt: SQL in every filter, JSON without bottom, texts that are none.

Whatever is sent, the answer is one of the contract's refusals, or an answer that holds nothing.
"""

import gzip
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import sqlalchemy

from connectors.memory.simulator import PlainLedger
from tests.api.world import World
from tests.cli.conftest import Run
from tests.factories import a_contact, an_invoice

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE documents; --",
    "x') UNION SELECT sealed::text FROM consents --",
    '"; SELECT pg_sleep(5); --',
    "%",
    "_%' ESCAPE '\\",
    "$1 :connection %(id)s {0}",
]
ODD = [
    "\x00",
    "\ud800",
    "9" * 400,
    "-9223372036854775809",
    "1e400",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "x" * 1500,
]
UNREADABLE = "%ED%A0%80%FF%00"
"""No UTF-8, in an address."""


@dataclass(frozen=True)
class Operation:
    """A method of a path, and what it takes in its address."""

    method: str
    path: str
    free: list[str]
    """Query parameters that take any text."""
    typed: list[str]
    takes_json: bool

    def at(self, value: str, names: list[str]) -> str:
        """Its address, with a text in every place that takes one."""
        there = re.sub(r"\{[^}]*\}", lambda _: value, self.path)
        return f"{there}?{'&'.join(f'{name}={value}' for name in names)}"


@pytest.fixture
def ledger() -> Iterator[PlainLedger]:
    """A plain ledger on loopback."""
    ledger = PlainLedger()
    with ledger.running():
        yield ledger


@pytest.fixture
def busy(world: World) -> World:
    """Something in the lists, so that a filter that lets everything through shows."""
    world.hand_in(a_contact(), an_invoice(), an_invoice("I-2"))
    world.push()
    return world


@pytest.fixture
def described(busy: World) -> list[Operation]:
    """Every operation, as the running server describes it."""
    paths: Mapping[str, Mapping[str, Any]] = httpx.get(
        f"{busy.url}/openapi.json", timeout=60
    ).json()["paths"]
    return [
        Operation(
            method,
            path.removeprefix("/v1"),
            [name for name, schema in _query(details) if _is_free(schema)],
            [name for name, schema in _query(details) if not _is_free(schema)],
            "application/json" in details.get("requestBody", {}).get("content", {}),
        )
        for path, methods in paths.items()
        if path.startswith("/v1/")
        for method, details in methods.items()
    ]


def _query(details: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for parameter in details.get("parameters", []):
        if parameter["in"] == "query":
            yield parameter["name"], parameter["schema"]


def _is_free(schema: Mapping[str, Any]) -> bool:
    some = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return any(
        one.get("type") == "string" and not one.keys() & {"enum", "format", "const", "pattern"}
        for one in some
    )


def refused_or_empty(answer: httpx.Response) -> bool:
    """Whether an answer gives nothing away."""
    if answer.is_client_error:
        return True
    body = answer.json() if answer.content else {}
    return answer.is_success and not (isinstance(body, dict) and body.get("data"))


def test_no_address_holds_anything_but_values(
    busy: World, described: list[Operation], database: sqlalchemy.Engine
) -> None:
    with busy.client() as client:
        for operation in described:
            if operation.method != "get":
                continue
            for text in SQL:
                began = time.monotonic()
                answer = client.get(operation.at(quote(text, safe=""), operation.free))
                assert refused_or_empty(answer) or not operation.free, (operation, text)
                assert not answer.is_server_error, (operation, text)
                assert time.monotonic() - began < 4
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM documents").scalar_one() >= 3
    assert len([one for one in described if one.free]) > 5


def test_odd_texts_in_an_address_are_refused_or_found_nowhere(
    busy: World, described: list[Operation]
) -> None:
    values = [*(quote(text.encode(errors="surrogatepass"), safe="") for text in ODD), UNREADABLE]
    with busy.client() as client:
        for operation in described:
            if operation.takes_json:
                continue
            for value in values:
                for names in filter(None, (operation.free, operation.typed)):
                    answer = client.request(operation.method, operation.at(value, names))
                    assert not answer.is_server_error, (operation, value[:60], answer.text)
                if "{" in operation.path:
                    answer = client.request(operation.method, operation.at(value, []))
                    assert not answer.is_server_error, (operation, value[:60], answer.text)


BODIES = {
    "nothing": b"",
    "no object": b"[1]",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "closed deep lists": b"[" * 20_000 + b"]" * 20_000,
    "a long number": b'{"id": ' + b"9" * 10_000 + b"}",
    "a number without end": b'{"id": 1e999999999, "amount": 1e999999999, "limit": 1e999999999}',
    "no number": b'{"id": NaN, "amount": Infinity}',
    "no text": b'{"id": "\xff\xfe"}',
    "half a character": b'{"id": "\\ud800", "type": "\\ud800", "reason": "\\ud800"}',
    "a zero character": b'{"id": "\\u0000", "type": "\\u0000", "reason": "a\\u0000b"}',
    "twice the same": b'{"id": "1", "id": ["2"]}',
    "many names": json.dumps({f"n{number}": 1 for number in range(5000)}).encode(),
}


def test_bodies_that_are_none_are_refused_by_every_operation(
    busy: World, described: list[Operation]
) -> None:
    tried = 0
    with busy.client() as client:
        for operation in described:
            if not operation.takes_json:
                continue
            for name, body in BODIES.items():
                answer = client.request(
                    operation.method,
                    operation.at(str(uuid4()), []),
                    content=body,
                    headers={"content-type": "application/json"},
                )
                tried += 1
                assert answer.is_client_error or name == "nothing", (operation, name)
                assert not answer.is_server_error, (operation, name, answer.text)
                assert len(answer.content) < 50_000, (operation, name)
    assert tried > 100


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800"])
def test_texts_that_cannot_be_stored_are_refused_wherever_a_document_has_texts(
    busy: World, odd: str
) -> None:
    record = an_invoice("I-9", note="a note")
    body = json.loads(record.model_dump_json())
    with busy.client() as client:
        good = client.post("/documents", json=body)
        assert good.is_success, good.text
        for place in _texts(body):
            spoiled = json.loads(json.dumps(body))
            *way, last = place
            holder = spoiled
            for step in way:
                holder = holder[step]
            holder[last] = odd
            answer = client.post("/documents", content=json.dumps(spoiled))
            assert 400 <= answer.status_code < 500, (place, answer.status_code, answer.text)


def _texts(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield way
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, (*way, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*way, number))


def test_texts_that_cannot_be_stored_are_refused_where_people_give_reasons(busy: World) -> None:
    record = next(line.id for line in busy.lines() if line.ours)
    with busy.client() as client:
        for odd in ("a\x00b", "\ud800"):
            for path, body in [
                (f"/log/{record}/skip", {"reason": odd}),
                (f"/log/{record}/settle", {"reason": odd, "platform_id": odd}),
                ("/mappings", {"kind": "account", "ours": odd, "theirs": odd}),
            ]:
                for method in ("post", "put"):
                    answer = client.request(method, path, content=json.dumps(body))
                    assert answer.is_client_error, (path, answer.status_code, answer.text)


def test_a_packed_body_is_not_unpacked(busy: World) -> None:
    packed = gzip.compress(b'{"type": "invoice"}' + b" " * 1_000_000)
    with busy.client() as client:
        answer = client.post(
            "/documents",
            content=packed,
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        )

    assert answer.is_client_error


def test_every_search_of_the_command_line_takes_a_text_for_a_text(
    busy: World, ledgerbridge: Run
) -> None:
    for text in (SQL[0], SQL[-1], "a\udcffb", "9" * 400):
        for command in (
            ("log", "--object", text),
            ("log", "--since", text),
            ("log", "--connection", text),
            ("record", text),
            ("documents", "show", text),
            ("documents", "list", "--entity", text),
            ("issues", "show", text),
            ("runs", text),
            ("map", "account", "--connection", str(busy.connection_id), text, text),
        ):
            result = ledgerbridge(*command)
            said = result.out + result.err
            assert "unforeseen" not in said, (command, said)
            assert "INV-I-1" not in said, (command, said)
            assert result.code in {0, 1, 2}
