"""A bench for the engine: a billing entity connected to a plain ledger."""

import pytest
import sqlalchemy

from models.unit_of_work import Begin
from tests.factories import Bench, a_bench


@pytest.fixture
def bench(begin: Begin, database: sqlalchemy.Engine) -> Bench:
    """A connection to an easy-going ledger."""
    return a_bench(begin, database)
