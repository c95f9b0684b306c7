"""Pre-flight and preview over HTTP: what the CLI says, limited to the entity of the header."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.api.world import World
from tests.factories import a_contact, a_line, a_payment, an_invoice

NOWHERE = UUID(int=7)
ODD = (a_line(rate="8.5"),)


def record_of(world: World, external_id: str) -> UUID:
    """The id of a document's record."""
    return next(line.id for line in world.lines() if line.ours and line.external_id == external_id)


def document_of(world: World, external_id: str) -> UUID:
    """The id of a document of ours."""
    lines = [line for line in world.lines() if line.ours and line.external_id == external_id]
    return lines[0].object_id


def test_what_waits_is_grouped_by_cause(world: World) -> None:
    world.hand_in(
        a_contact(), an_invoice(lines=ODD), a_payment(pays={"I-1": "1.00"}, amount="1.00")
    )
    before = world.ledger.requests.copy()

    with world.client() as client:
        answer = client.get("/preflight", params={"connection_id": str(world.connection_id)})

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["checked"], said["would_post"], said["waits"]) == (3, 1, 2)
    assert (said["everything_posts"], said["obstacle"]) == (False, None)
    (group,) = said["waiting"]
    assert (group["code"], group["subject"], group["records"]) == ("tax_rate_unmapped", "8.5", 2)
    assert group["actor"] == "bookkeeper"
    assert group["documents"][0] == {
        "record_id": str(record_of(world, "I-1")),
        "document": "Invoice INV-I-1",
    }
    assert world.ledger.requests == before


def test_one_document_alone(world: World) -> None:
    world.hand_in(a_contact(), an_invoice("I-1"), an_invoice("I-2", lines=ODD))

    with world.client() as client:
        said = client.get(
            "/preflight",
            params={
                "connection_id": str(world.connection_id),
                "document_id": str(document_of(world, "I-1")),
            },
        ).json()

    assert (said["checked"], said["after_parent"], said["everything_posts"]) == (1, 1, True)


def test_a_preview_shows_payload_and_difference(world: World) -> None:
    world.hand_in(a_contact(), an_invoice())
    world.push()
    world.hand_in(an_invoice(net="200.00"))

    with world.client() as client:
        answer = client.get(f"/log/{record_of(world, 'I-1')}/preview")

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["operation"], said["why"], said["object_type"]) == ("update", None, "invoice")
    assert {"field": "total", "ours": "240.00 EUR", "ledger": "120.00 EUR"} in said["differences"]
    assert said["payload"]["lines"][0]["tax_rate_id"] == "vat-20"


PATHS: dict[str, Callable[[World], str]] = {
    "preflight": lambda world: f"/preflight?connection_id={world.connection_id}",
    "document": lambda world: (
        f"/preflight?connection_id={world.connection_id}&document_id={document_of(world, 'C-1')}"
    ),
    "preview": lambda world: f"/log/{record_of(world, 'C-1')}/preview",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_another_entity_of_the_organisation_sees_nothing(
    world: World, path: Callable[[World], str]
) -> None:
    world.hand_in(a_contact())

    with world.client(entity_id=world.entity("DE")) as client:
        assert client.get(path(world)).status_code == 404
    with world.client() as client:
        assert client.get(path(world)).status_code == 200


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_another_organisation_sees_nothing(world: World, path: Callable[[World], str]) -> None:
    world.hand_in(a_contact())
    theirs = world.entity("UK", organisation="Other")
    credential = world.credential(organisation="Other")

    with world.client(credential, entity_id=theirs) as client:
        assert client.get(path(world)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/preflight", 422),
        ("/preflight?connection_id=x", 422),
        ("/preflight?connection_id=%00", 422),
        (f"/preflight?connection_id={NOWHERE}", 404),
        (f"/log/{NOWHERE}/preview", 404),
        ("/log/x/preview", 422),
    ],
)
def test_bad_input_is_answered_with_the_documented_error(
    world: World, path: str, status: int
) -> None:
    with world.client() as client:
        answer = client.get(path)

    assert answer.status_code == status
    assert set(answer.json()) == ({"detail"} if status == 422 else {"error"})
