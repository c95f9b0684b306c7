"""A page that cannot be stored is read again: the cursor has not passed it."""

from datetime import timedelta

import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from models.canonical import ObjectType
from models.unit_of_work import Begin
from sync import runs
from tests.factories import Bench, a_bench, a_contact


def finish(bench: Bench) -> None:
    """Advance the run until it has ended."""
    while not runs.advance(bench.engine, bench.connection_id).finished:
        pass


def test_what_was_on_it_is_read_once_it_can_be_stored(
    begin: Begin, database: sqlalchemy.Engine
) -> None:
    bench = a_bench(begin, database)
    entered = bench.ledger.enter(a_contact("new", name="Unwelcome"))
    runs.trigger_run(bench.engine, bench.connection_id, only="pull")
    with database.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE documents ADD CONSTRAINT unwelcome CHECK (name <> 'Unwelcome')"
        )
    try:
        with pytest.raises(IntegrityError):
            finish(bench)
    finally:
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE documents DROP CONSTRAINT unwelcome")
    bench.pass_time(timedelta(hours=1))

    bench.run(only="pull")

    with begin() as work:
        known = work.documents.listing(kind=ObjectType.CONTACT)
    assert [one.external_id for one in known] == [entered]
