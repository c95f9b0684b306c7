"""Usage in the engine's words."""

import datetime as dt
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.base import UploadStep
from connectors.errors import ProtocolError, Rejected, Unsupported
from connectors.softwareone import SPEC
from connectors.softwareone.uploads import UsageOptions, UsageUploads, open_uploads
from tests.connectors.softwareone.bench import MarketplaceBench
from tests.connectors.softwareone.test_usage_flow import KEY, charge, written


@pytest.fixture
def bench() -> MarketplaceBench:
    return MarketplaceBench("vendor")


def options(bench: MarketplaceBench) -> UsageOptions:
    return UsageOptions(authorization_id=bench.marketplace.known.authorization, name="October")


def ended(bench: MarketplaceBench, uploads: UsageUploads, path: Path) -> UploadStep:
    step = uploads.begin(path, key=KEY, options=options(bench))
    for _ in range(20):
        if step.finished:
            return step
        step = uploads.advance(json.loads(json.dumps(dict(step.progress))), path)
        bench.marketplace.pass_time(dt.timedelta(seconds=step.wait_seconds))
    raise AssertionError(f"it comes to no end: {step}")


def test_usage_is_handed_in(bench: MarketplaceBench, tmp_path: Path) -> None:
    path = written(tmp_path, charge(bench, 1), charge(bench, 2))

    step = ended(bench, open_uploads(bench.config()), path)

    assert (step.failed, step.status, step.sentence) == (False, "Review", "")
    (journal,) = bench.marketplace.journals(external_id=KEY)
    assert journal["name"] == "October"


def test_a_bad_line_is_a_refusal_with_its_number(bench: MarketplaceBench, tmp_path: Path) -> None:
    path = written(tmp_path, charge(bench, 1), {"odd": True})

    with pytest.raises(Rejected, match=r"line 2: externalIds\.vendor"):
        open_uploads(bench.config()).begin(path, key=KEY, options=options(bench))
    assert bench.marketplace.requests.total() == 0


@pytest.mark.parametrize("key", ["both ' and \"", "", "x" * 300])
def test_a_key_that_cannot_be_used_is_refused(
    bench: MarketplaceBench, tmp_path: Path, key: str
) -> None:
    path = written(tmp_path, charge(bench, 1))

    with pytest.raises(Rejected, match="key"):
        open_uploads(bench.config()).begin(path, key=key, options=options(bench))


def test_refused_charges_are_named_by_line(bench: MarketplaceBench, tmp_path: Path) -> None:
    wrong = charge(bench, 2)
    wrong["search"]["item"]["value"] = "ITM-0000"

    step = ended(bench, open_uploads(bench.config()), written(tmp_path, charge(bench, 1), wrong))

    assert step.failed
    assert "begin again with the same key" in step.sentence
    assert [one.split(":")[0] for one in step.problems] == ["line 2 (E-2)"]


def test_progress_of_somebody_else_is_refused(bench: MarketplaceBench, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError):
        open_uploads(bench.config()).advance({"step": "odd"}, tmp_path)


def test_only_vendors_hand_in() -> None:
    assert SPEC.of({"account_role": "vendor"}).uploads is not None
    assert SPEC.of({"account_role": "client", "buyers": ["B"]}).uploads is None
    with pytest.raises(Unsupported):
        open_uploads(MarketplaceBench("client").config())


def test_options_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValidationError):
        UsageOptions.model_validate({"authorization_id": "AUT-1", "colour": "blue"})
