"""The style sheet, the script and the icon: the only files that a page needs."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from api.console.web import PageRoute
from sync.errors import NotFoundError

router = APIRouter(route_class=PageRoute)

_FOLDER = Path(__file__).parent / "static"
_KINDS = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """One of them; pages ask for it with a mark of its content, so that it may be kept."""
    if name not in _KINDS:
        raise NotFoundError(f"there is no file {name}")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(_FOLDER / name, media_type=_KINDS[name], headers=headers)
