"""What tests stand on: real PostgreSQL and real Redis on sockets of their own, for this run alone.

One server each for the whole run; every test that asks for `database` gets it empty.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.orm import sessionmaker

from models.tables import Base
from models.unit_of_work import Begin, begin_with
from tests.secrets import shown_in
from worker import embedded, logs, runtime


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No test passes whose output or log shows a secret."""
    report = yield
    if report.when != "teardown":  # by then all that was said is there
        return report
    if found := shown_in("".join(text for _, text in report.sections)):
        report.outcome = "failed"
        report.longrepr = f"the output or the log shows a secret: {', '.join(found)}"
    return report


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A folder for embedded servers, gone after the run."""
    folder = Path(tempfile.mkdtemp(prefix="lb-test-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    yield folder
    embedded.leave(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(home: Path) -> str:
    """A migrated database on a PostgreSQL of our own."""
    url = embedded.database_url(home)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # What a power cut would lose is of no interest here.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        runtime.migrate(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def _database(database_url: str) -> Iterator[sqlalchemy.Engine]:
    engine = sqlalchemy.create_engine(database_url, pool_size=4, max_overflow=20)
    yield engine
    engine.dispose()


@pytest.fixture
def database(_database: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """The database, empty."""
    empty(_database)
    return _database


def empty(database: sqlalchemy.Engine) -> None:
    """Take everything out of the tables."""
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names}")


@pytest.fixture
def begin(database: sqlalchemy.Engine) -> Begin:
    """Opens transactions on the empty database."""
    return begin_with(sessionmaker(database, expire_on_commit=False))


@pytest.fixture(scope="session")
def redis_url(home: Path) -> str:
    """A Redis of our own."""
    return embedded.redis_url(home)


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> None:
    """Only what is wrong is logged; pytest shows it for tests that fail."""
    logs.configure("ERROR", role="test")
    logging.getLogger().handlers.clear()


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests must not steer them."""
    for name in list(os.environ):
        if name.startswith("LEDGERBRIDGE_"):
            monkeypatch.delenv(name)
