"""A file of charges: what is wrong with it is found before anything is sent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.softwareone import charges
from connectors.softwareone.charges import ChargeProblemError, checked, lines_of

Write = Callable[..., Path]


def a_charge(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "externalIds": {"vendor": f"E-{number}", "invoice": "V-1"},
        "search": {
            "source": {"type": "Subscription", "criteria": "id", "value": "SUB-1"},
            "item": {"criteria": "item.id", "value": "ITM-1"},
        },
        "period": {"start": "2026-10-01", "end": "2026-10-31T23:59:59.000Z"},
        "quantity": 1.5,
        "price": {"UnitPP": 10, "PPx1": "15.00"},
        "segment": "COM",
    } | changes


def search(**changes: Any) -> dict[str, Any]:
    return {"search": {**a_charge()["search"], **changes}}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*lines: dict[str, Any] | str) -> Path:
        path = tmp_path / "charges.jsonl"
        texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    return written


def test_a_good_file_is_counted_and_fingerprinted(write: Write) -> None:
    path = write(a_charge(1), a_charge(2))

    file = checked(path)

    assert (file.lines, file.size) == (2, path.stat().st_size)
    assert file.sha256 == charges.digest_of(path)


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps(a_charge(1)))

    assert checked(path).lines == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{odd", "it is not JSON"),
        ("[1]", "it is not a JSON object"),
        ("", "it is empty"),
        ('{"quantity": NaN}', "NaN is no number"),
        (a_charge(7, externalIds={}), "externalIds.vendor: the entry's own id is missing"),
        (a_charge(7, externalIds="E"), "externalIds.vendor"),
        (a_charge(7, **search(item={})), "search.item"),
        (a_charge(7, **search(source={"criteria": "id"})), "search.source"),
        (a_charge(7, search=[]), "search.item"),
        (a_charge(7, period={"start": "2026-10-01"}), "period.end: None is no date"),
        (a_charge(7, period={"start": "2026-11-01", "end": "2026-10-01"}), "ends before it starts"),
        (a_charge(7, quantity=None), "quantity is missing"),
        (a_charge(7, quantity="many"), "quantity: 'many' is no number"),
        (a_charge(7, quantity=True), "quantity: True is no number"),
        (a_charge(7, price={"unitPP": 1}), "price.PPx1 is missing"),
        (a_charge(1), "entry 'E-1' (externalIds.vendor) stands in line 1 already"),
    ],
)
def test_a_bad_line_is_named_with_its_number(write: Write, bad: Any, reason: str) -> None:
    with pytest.raises(ChargeProblemError) as caught:
        checked(write(a_charge(1), a_charge(2), bad, a_charge(4)))

    assert caught.value.line == 3
    assert reason in caught.value.reason


def test_a_line_without_end_is_not_read_whole(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges, "LONGEST_LINE", 1000)

    with pytest.raises(ChargeProblemError, match="line 2: it is longer than 1000 bytes"):
        checked(write(a_charge(1), "x" * 5000))


def test_an_empty_file_is_refused(write: Write) -> None:
    with pytest.raises(ChargeProblemError, match="no charges"):
        checked(write())


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'{"a": "\xff"}\n')

    with pytest.raises(ChargeProblemError, match="line 1: it is not JSON"):
        checked(path)


def test_ids_whose_digests_are_alike_are_not_the_same(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges, "_digest", lambda _: b"12345678")

    assert checked(write(a_charge(1), a_charge(2), a_charge(3))).lines == 3


def test_an_older_form_of_search_is_good_too(write: Write) -> None:
    owner = {"criteria": "subscription.externalIds.vendor", "value": "S-1"}

    assert checked(write(a_charge(1, **search(source=None, subscription=owner)))).lines == 1


def test_entries_are_found_in_their_lines(write: Write) -> None:
    path = write(*(a_charge(number) for number in range(1, 9)))

    assert lines_of(path, frozenset({"E-3", "E-8", "E-99"})) == {"E-3": 3, "E-8": 8}
