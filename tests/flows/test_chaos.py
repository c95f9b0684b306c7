"""The chaos run in its short form: real workers and servers, forty faults, twelve ledgers."""

import subprocess
import sys

import pytest

from chaos import plan
from chaos.__main__ import SHORT_SECONDS
from chaos.ledgers import LEDGERS
from chaos.plan import Trouble
from chaos.stack import ROOT

SEED = 7


def test_whatever_dies_each_document_is_in_its_ledger_once() -> None:
    command = [sys.executable, "-m", "chaos", "--short", "--seed", str(SEED)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 duplicates, 0 losses, 0 wrong, 0 stuck, 0 untold" in done.stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_equal_seeds_make_equal_plans(seed: int) -> None:
    first, again = (
        list(plan.make(seed, documents=300, faults=90, seconds=SHORT_SECONDS).lines())
        for _ in range(2)
    )

    assert first == again


def test_seeds_differ() -> None:
    plans = [plan.make(seed, documents=300, faults=90, seconds=9) for seed in (1, 2)]

    assert plans[0].papers != plans[1].papers
    assert plans[0].faults != plans[1].faults


def test_a_long_plan_has_every_trouble_and_every_ledger() -> None:
    made = plan.make(1, documents=5000, faults=500, seconds=120)

    assert {one.trouble for one in made.faults} == set(Trouble)
    assert {one.ledger for one in made.papers} == set(LEDGERS)
    assert len(made.faults) == 500
    assert abs(len(made.papers) - 5000) < 100
