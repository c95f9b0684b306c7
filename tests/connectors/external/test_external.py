"""A ledger that we never speak to answers for itself and refuses everything else."""

from typing import Any

import httpx
import pydantic
import pytest

from connectors import registry
from connectors.base import CallScope, Connector, ConnectorConfig, Failed, Operation, PushItem
from connectors.base import Unclear as CannotTell
from connectors.errors import Unsupported
from models.canonical import ObjectType
from tests.factories import an_invoice

SPEC = registry.spec("external")


def connector(**settings: Any) -> Connector:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} was called")

    return SPEC.build(
        ConnectorConfig(
            base_url="",
            credentials=SPEC.credentials(),
            settings=SPEC.settings.model_validate({"organisation_id": "HQ-NL", **settings}),
            http=httpx.Client(transport=httpx.MockTransport(nobody)),
            scope=CallScope("test"),
        )
    )


AN_ITEM = PushItem("k", "LB-0123456789ABCDEF", Operation.CREATE, an_invoice())


def test_it_says_whose_books_these_are_from_its_settings() -> None:
    named = connector(organisation_name="Head office").check()

    assert (named.organisation_id, named.organisation_name) == ("HQ-NL", "Head office")
    assert connector().check().organisation_name == "HQ-NL"


def test_books_without_a_name_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError):
        connector(organisation_id=" ")


def test_nothing_is_read_written_or_looked_up() -> None:
    external = connector()

    with pytest.raises(Unsupported, match="invoices cannot be read"):
        list(external.pull(ObjectType.INVOICE, None))
    (pushed,) = external.push(ObjectType.INVOICE, [AN_ITEM])
    (found,) = external.find(ObjectType.INVOICE, [AN_ITEM])

    assert isinstance(pushed, Failed)
    assert isinstance(pushed.error, Unsupported)
    assert isinstance(found, CannotTell)


def test_it_is_marked_as_somebody_elses_work() -> None:
    assert SPEC.by_others
    assert not any(SPEC.pulls(kind) for kind in ObjectType)
