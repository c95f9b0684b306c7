"""`/connect/…`: the pages behind a connection's URL, where its owner lets us in.

They are for people with a browser and no API client: who may open one is told by the token in
its URL, and whether an answer from a provider is to a question of ours by the state and a cookie.
"""

import re
import secrets
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api import pages
from api.deps import RuntimeOf
from connectors.base import AuthKind
from connectors.errors import ConnectorError
from sync import authorizing
from sync.authorizing import Asked, Authorized, LinkError, StateError
from sync.errors import InvalidInputError, NotAllowedError
from worker.runtime import Runtime

# Pages, not part of the contract that OpenAPI describes.
router = APIRouter(prefix="/connect", include_in_schema=False)

COOKIE = "ledgerbridge_connect"
MAX_FORM_BYTES = 64 * 1024
_LONGEST = 4096
_OURS = re.compile(r"[\w-]{43}", re.ASCII)
"""A cookie that this page may have set; with several tabs open, they share it."""


async def _form(request: Request) -> dict[str, str]:
    """A posted form; one that is too large or no form has no fields."""
    body = await request.body()
    if len(body) > MAX_FORM_BYTES or b"\0" in body or b"%00" in body:
        return {}
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=100, errors="strict"))
    except ValueError:
        return {}


FormOf = Annotated[dict[str, str], Depends(_form)]


@router.get("/callback")
def callback(request: Request, runtime: RuntimeOf) -> Response:
    """Where a provider sends the browser after consent, or after a refusal."""
    query = request.query_params
    given = {name: query.get(name, "") for name in ("state", "code", "error")}
    browser = request.cookies.get(COOKIE, "")
    if not given["state"] or max(map(len, (browser, *query.values()))) > _LONGEST:
        return _problem(StateError("This is no answer to a question of ours."))
    if given["error"] or not given["code"]:
        return _refused(runtime, given["state"], browser, given["error"])
    try:
        done = authorizing.complete(
            runtime.engine,
            runtime.opener,
            state=given["state"],
            browser=browser,
            code=given["code"],
            beside=dict(query),
        )
    except (StateError, NotAllowedError, InvalidInputError, ConnectorError) as error:
        return _problem(error)
    return _authorized(done)


def _refused(runtime: Runtime, state: str, browser: str, error: str) -> Response:
    try:
        authorizing.refused(runtime.engine, state=state, browser=browser)
    except StateError as unknown:
        return _problem(unknown)
    if error == "access_denied":
        why = "Access was refused at the provider."
    else:
        code = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no code"
        why = f"The provider did not let us ask for consent ({code})."
    return pages.page(
        "Not connected", why, "Nothing was changed. The link to the connection can be used again."
    )


@router.get("/{connection_id}")
def open_page(
    connection_id: str, request: Request, runtime: RuntimeOf, token: str = ""
) -> Response:
    """The page of a connection URL: on to the provider, or a form."""
    try:
        asked = authorizing.asked(runtime.engine, runtime.opener, connection_id, token)
        if asked.spec.auth is AuthKind.API_KEY:
            return _form_page(asked, token)
        known = request.cookies.get(COOKIE, "")
        browser = known if _OURS.fullmatch(known) else secrets.token_urlsafe(32)
        url = authorizing.consent_url(runtime.engine, runtime.opener, asked, browser)
    except (LinkError, NotAllowedError, InvalidInputError) as error:
        return _problem(error)
    answer = pages.redirect(url)
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(authorizing.STATE_LIFE.total_seconds()),
        path="/v1/connect",
        secure=runtime.opener.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # the provider's redirect must bring it along
    )
    return answer


@router.post("/{connection_id}")
def give_credentials(connection_id: str, runtime: RuntimeOf, form: FormOf) -> Response:
    """Connect with the credentials that were typed into the form."""
    token = form.get("token", "")
    try:
        asked = authorizing.asked(runtime.engine, runtime.opener, connection_id, token)
    except (LinkError, NotAllowedError) as error:
        return _problem(error)
    if asked.spec.auth is not AuthKind.API_KEY:
        return _problem(NotAllowedError(f"{asked.spec.name} asks for consent: open the link"))
    credentials: dict[str, Any] = {
        name.removeprefix(pages.PREFIX): value
        for name, value in form.items()
        if name.startswith(pages.PREFIX) and value
    }
    try:
        done = authorizing.connect(
            runtime.engine,
            runtime.opener,
            asked.connection,
            credentials,
            base_url=form.get(pages.ADDRESS) or None,
        )
    except NotAllowedError as error:
        return _problem(error)
    except (InvalidInputError, ConnectorError) as error:
        return _form_page(asked, token, given=form, problem=_sentence(error))
    return _authorized(done)


def _form_page(
    asked: Asked, token: str, *, given: dict[str, str] | None = None, problem: str | None = None
) -> Response:
    wanted = asked.connection.base_url is None and asked.spec.default_base_url is None
    return pages.credentials_form(
        asked.spec.name,
        asked.spec.credentials,
        token=token,
        address_wanted=wanted,
        given=given,
        problem=problem,
    )


def _authorized(done: Authorized) -> Response:
    if done.organisation is None:
        return pages.page(
            "One moment",
            f"The connection to {done.ledger} is being completed. If it does not become connected "
            "within a minute, start again from its link.",
            status=202,
        )
    return pages.page(
        "Connected",
        f"{done.organisation} in {done.ledger} is connected. You can close this page.",
    )


def _problem(error: Exception) -> Response:
    match error:
        case LinkError():
            status = 404
        case NotAllowedError():
            status = 409
        case _:
            status = 400
    return pages.page("Not connected", _sentence(error), status=status)


def _sentence(error: Exception) -> str:
    words = str(error).strip()
    ended = words if words.endswith((".", "!", "?")) else f"{words}."
    return ended[:1].upper() + ended[1:]
