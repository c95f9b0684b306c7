"""Every other address under `/console`: a page that says so."""

from fastapi import APIRouter

from api.console.web import PageRoute, PersonOf
from sync.errors import NotFoundError

router = APIRouter(route_class=PageRoute)


@router.get("/{rest:path}")
def nowhere(rest: str, _: PersonOf) -> None:
    """Nothing is here; strangers are asked to sign in."""
    raise NotFoundError(f"there is no page {rest}")
