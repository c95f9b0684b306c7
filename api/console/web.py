"""What all pages share: who asks, forms and their tokens, templates, headers, and errors in words."""

import hmac
import secrets
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

import structlog
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import DBAPIError

from api.console import words
from api.deps import RuntimeOf
from api.errors import ApiError
from connectors.errors import ConnectorError
from models.crypto import UnreadableSecretError
from models.repositories import Thing
from models.tables import UserRole
from sync import people
from sync.errors import AccessDeniedError, NotFoundError, SyncError, UnauthenticatedError
from sync.people import Person
from worker.runtime import Runtime

log: structlog.stdlib.BoundLogger = structlog.get_logger("ledgerbridge")

ROOT = "/console"
SESSION = "ledgerbridge_session"
BROWSER = "ledgerbridge_browser"
"""Before anybody is signed in: what the sign-in form's token belongs to."""
SAID = "ledgerbridge_said"
"""What the last action came to; shown once."""
MAX_FORM_BYTES = 64 * 1024
LONGEST_COOKIE = 200

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(words.FILTERS)
_TEMPLATES.globals.update(words.GLOBALS, root=ROOT)


class MustChooseError(Exception):
    """The password is a one-time one: its owner chooses another one first."""


class FormError(Exception):
    """A form that is not from a page of ours, or from one of another session."""


class PageRoute(APIRoute):
    """Answers errors with a page, and every page with the headers that keep it safe."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with errors in words."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:  # noqa: BLE001  # whatever it is, a person reads the answer
                response = _answer_to(request, error)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return handled


def _answer_to(request: Request, error: Exception) -> Response:
    match error:
        case UnauthenticatedError():
            wanted = request.url.path if request.method == "GET" else ROOT
            if wanted.endswith("/live"):
                return Response(status_code=401)
            query = f"?{request.url.query}" if request.url.query else ""
            after = "" if wanted == ROOT else f"?next={quote(wanted + query, safe='')}"
            return RedirectResponse(f"{ROOT}/sign-in{after}", 303)
        case MustChooseError():
            return RedirectResponse(f"{ROOT}/password", 303)
        case NotFoundError() | RequestValidationError():
            return problem(request, 404, "There is nothing here", words.NOTHING_HERE)
        case AccessDeniedError():
            return problem(request, 403, "You may not do this", words.sentence(error))
        case FormError():
            return problem(request, 403, "This form has ended", words.FORM_ENDED)
        case ApiError():
            return problem(request, error.status, "This cannot be shown", words.sentence(error))
        case SyncError() | ConnectorError():
            return problem(request, 409, "That did not work", words.sentence(error))
        case DBAPIError():
            log.warning("console.database", path=request.url.path, error=type(error).__name__)
            return problem(request, 503, "The database does not answer", words.TRY_AGAIN)
        case _:
            log.error("console.bug", path=request.url.path, exc_info=error)
            asked = request.scope.get("state", {}).get("request_id", "")
            return problem(
                request, 500, "Something unforeseen happened", words.unforeseen(str(asked))
            )


def problem(request: Request, status: int, title: str, sentence: str) -> HTMLResponse:
    """A page that says what went wrong."""
    person: Person | None = getattr(request.state, "person", None)
    shown = {"person": person, "title": title, "sentence": sentence}
    return HTMLResponse(
        _TEMPLATES.get_template("problem.html").render(_frame(request, shown)), status
    )


def _frame(request: Request, shown: dict[str, Any]) -> dict[str, Any]:
    """What the frame of a page needs, whichever page it is."""
    secret = _cookie(request, SESSION)
    return {
        "form_token": people.form_token(secret) if secret else "",
        "here": request.url.path,
        "said": None,
        "open_causes": 0,
        "person": None,
        **shown,
    }


def page(
    request: Request, runtime: Runtime, template: str, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    """A page for whoever is signed in."""
    person: Person | None = getattr(request.state, "person", None)
    said = _said(request, runtime)
    causes = 0
    if person is not None:
        with runtime.begin() as work:
            causes = work.console.open_causes(person.organisation_id)
    frame = _frame(request, {"person": person, "said": said, "open_causes": causes, **shown})
    answer = HTMLResponse(_TEMPLATES.get_template(template).render(frame), status)
    if SAID in request.cookies:
        answer.delete_cookie(SAID, path=ROOT)
    return answer


def _said(request: Request, runtime: Runtime) -> dict[str, Any] | None:
    held = request.cookies.get(SAID)
    if held is None:
        return None
    try:
        return runtime.keys.open(held.encode())
    except (UnreadableSecretError, ValueError):
        return None


def go(
    runtime: Runtime,
    url: str,
    said: str | None = None,
    *,
    tone: Literal["good", "bad"] = "good",
) -> RedirectResponse:
    """On to a page after an action; what came of it is shown there once."""
    answer = RedirectResponse(url, 303)
    if said is not None:
        # Sealed, so that nobody puts words into our mouth.
        sealed = runtime.keys.seal({"words": said[:1500], "tone": tone}).decode()
        keep(runtime, answer, SAID, sealed, seconds=60)
    return answer


def done(runtime: Runtime, url: str, act: Callable[[], str]) -> RedirectResponse:
    """Do something and say what came of it, on the page that the person was on."""
    try:
        said = act()
    except (NotFoundError, AccessDeniedError):
        raise
    except (SyncError, ConnectorError) as error:
        return go(runtime, url, words.sentence(error), tone="bad")
    return go(runtime, url, said)


def keep(runtime: Runtime, answer: Response, name: str, value: str, *, seconds: int) -> None:
    """Let the browser keep something that no script and no other site gets."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=ROOT,
        secure=runtime.opener.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # a link in a mail must find the reader signed in
    )


def _cookie(request: Request, name: str) -> str:
    value = request.cookies.get(name, "")
    return value if len(value) <= LONGEST_COOKIE else ""


def browser_of(request: Request) -> str:
    """What the sign-in form's token belongs to: the browser's, or a new one."""
    return _cookie(request, BROWSER) or secrets.token_urlsafe(32)


async def _form(request: Request) -> dict[str, str]:
    """A posted form of a page of ours.

    Raises:
        FormError: Its token is not the one of this browser.
    """
    body = await request.body()
    if len(body) > MAX_FORM_BYTES or b"\0" in body or b"%00" in body:
        raise FormError
    try:
        given = dict(parse_qsl(body.decode(), max_num_fields=100, errors="strict"))
    except ValueError:
        raise FormError from None
    secret = _cookie(request, SESSION) or _cookie(request, BROWSER)
    token = given.pop("form_token", "")
    if not secret or not hmac.compare_digest(token.encode(), people.form_token(secret).encode()):
        raise FormError
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormError
    return given


FormOf = Annotated[dict[str, str], Depends(_form)]


def session_of(request: Request) -> str:
    """The browser's token; empty without one."""
    return _cookie(request, SESSION)


def _signed_in(request: Request, runtime: RuntimeOf) -> Person:
    token = session_of(request)
    person = people.person_of(runtime.begin, token) if token else None
    if person is None:
        raise UnauthenticatedError("sign in first")
    request.state.person = person
    return person


NewcomerOf = Annotated[Person, Depends(_signed_in)]
"""Who is signed in, perhaps with a one-time password."""


def _person(person: NewcomerOf) -> Person:
    if person.must_choose:
        raise MustChooseError
    return person


PersonOf = Annotated[Person, Depends(_person)]
"""Who is signed in."""


def _bookkeeper(person: PersonOf) -> Person:
    person.require(UserRole.BOOKKEEPER)
    return person


BookkeeperOf = Annotated[Person, Depends(_bookkeeper)]


def _administrator(person: PersonOf) -> Person:
    person.require(UserRole.ADMINISTRATOR)
    return person


AdministratorOf = Annotated[Person, Depends(_administrator)]


def entity_of(runtime: Runtime, person: Person, what: Thing, thing_id: UUID) -> UUID:
    """The billing entity that something belongs to.

    Raises:
        NotFoundError: It does not exist, or belongs to another organisation.
    """
    with runtime.begin() as work:
        found = work.console.entity_of(person.organisation_id, what, thing_id)
    if found is None:
        raise NotFoundError(f"there is no {what.value} {thing_id}")
    return found


def link(path: str, **query: object) -> str:
    """A page's address with a query; what is None or empty is left out."""
    given = {name: str(value) for name, value in query.items() if value not in {None, ""}}
    return f"{ROOT}{path}?{urlencode(given)}" if given else f"{ROOT}{path}"


_TEMPLATES.globals["link"] = link
