"""The served application and real processes, for tests of what must never happen."""

from tests.api.conftest import _environment, serve, world
from tests.cli.conftest import ledgerbridge
from tests.flows.conftest import stack

__all__ = ["_environment", "ledgerbridge", "serve", "stack", "world"]
