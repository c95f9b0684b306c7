"""Secrets that are easy to find again, and a ledger that says them back in every way it can."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import sqlalchemy

from connectors.faults import Answer, Request
from connectors.loopback import LoopbackServer
from connectors.memory.simulator import PlainLedger
from models.tables import Base

API_KEY = 'Zq7-api-key"with\\odd/characters+and=more-4f1d2c3b5a69'
CLIENT_SECRET = "Zq7-client-secret-8c7b6a5948372615"
APP_KEY = "Zq7-app-key-1029384756afbecd"
WEBHOOK_KEY = "Zq7-webhook-key-abcdef0123456789"
WRONG_KEY = "Zq7-wrong-key-0f1e2d3c4b5a6978"
PASSWORD = "Zq7-password-5647382910afcebd"

SHOWN = 12
"""So many characters of a secret in a row are too many."""


@dataclass
class Found:
    """Where a secret was found, with the words around it."""

    where: str
    words: str


@dataclass
class Search:
    """Looks for secrets in everything that is given to it."""

    secrets: list[str]
    found: list[Found] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    """How much was looked through, by place: a search that sees nothing proves nothing."""

    def __post_init__(self) -> None:
        self._spelled = sorted({form for secret in self.secrets for form in _forms(secret)})

    def through(self, where: str, text: str) -> None:
        """Look through a text."""
        place = where.partition(" ")[0]
        self.read[place] = self.read.get(place, 0) + len(text)
        for spelled in self._spelled:
            at = text.find(spelled)
            if at >= 0:
                self.found.append(Found(where, text[max(0, at - 120) : at + 40]))

    def through_database(self, database: sqlalchemy.Engine) -> None:
        """Look through every column of every row of every table, bytes as they are."""
        with database.connect() as connection:
            for table in Base.metadata.sorted_tables:
                rows = connection.exec_driver_sql(f"SELECT * FROM {table.name}").mappings()
                for row in rows:
                    for column, value in row.items():
                        self.through(f"table {table.name}.{column}", _as_text(value))


def _as_text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _forms(secret: str) -> Iterator[str]:
    """The beginning of a secret as it may be spelled: half a secret is one too."""
    for text in (secret, json.dumps(secret)[1:-1], quote(secret, safe="")):
        yield text[:SHOWN]
        yield text[-SHOWN:]
    yield base64.b64encode(secret.encode()).decode()[:SHOWN]


Echo = Callable[[str], Answer]
"""(everything that was sent) → what is answered."""


def _quoting(status: int, **headers: str) -> Echo:
    return lambda sent: Answer(
        status, {"code": "refused", "message": sent, "words": {"id": sent}}, headers
    )


ECHOES: Mapping[str, Echo] = {
    "400": _quoting(400),
    "400 cut in the middle": lambda sent: Answer(400, ("x" * 560 + sent).encode()),
    "400 in HTML": lambda sent: Answer(400, f"<pre>{sent}</pre>".encode()),
    "401": _quoting(401),
    "403": _quoting(403),
    "409": _quoting(409),
    "429": _quoting(429, **{"retry-after": "1"}),
    "500": _quoting(500),
    "503": lambda sent: Answer(503, sent.encode(), {"content-type": "text/plain"}),
    "200 that cannot be read": lambda sent: Answer(
        200, sent.encode(), {"content-type": f"text/{quote(sent[:90])}"}
    ),
    "302": lambda sent: Answer(302, b"", {"location": f"http://127.0.0.1:9/?{quote(sent)}"}),
    "its request id": lambda sent: Answer(
        422, {"code": "refused", "message": "no", "words": {}}, {"x-request-id": quote(sent)}
    ),
}


class EchoingLedger(LoopbackServer):
    """A plain ledger that, when told to, answers with everything that it was sent."""

    def __init__(self, ledger: PlainLedger) -> None:
        super().__init__(self._answer)
        self.ledger = ledger
        self.echo: Echo | None = None
        self.only_writes = False

    def _answer(self, request: Request) -> Answer:
        if self.echo is None or (self.only_writes and request.method == "GET"):
            return self.ledger.faults.exchange(self.ledger.handle, request)
        sent = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        said = f"{sent}\nkey={key}&{request.target}\n{request.body.decode(errors='replace')[:200]}"
        return self.echo(said)
