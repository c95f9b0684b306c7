"""The console: pages for the people who look, rendered here, with one style sheet and one script.

Every page works without its script; that only tells times in the reader's zone and follows a
running sync. Who is signed in and what they may do is read anew for each request; a thing of
another organisation does not exist.
"""

from fastapi import FastAPI

from api.console.connections import router as connections
from api.console.issues import router as issues
from api.console.nowhere import router as nowhere
from api.console.overview import router as overview
from api.console.reconciliation import router as reconciliation
from api.console.signing import router as signing
from api.console.static import router as static
from api.console.sync_log import router as sync_log
from api.console.web import ROOT


def install(app: FastAPI) -> None:
    """Put the pages under `/console`."""
    for part in (static, signing, overview, connections, sync_log, issues, reconciliation, nowhere):
        # Pages are not part of the contract that OpenAPI describes.
        app.include_router(part, prefix=ROOT, include_in_schema=False)
