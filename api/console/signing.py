"""Signing in and out, and choosing a password."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console import words
from api.console.limits import MINUTES
from api.console.web import (
    BROWSER,
    ROOT,
    SESSION,
    FormOf,
    NewcomerOf,
    PageRoute,
    browser_of,
    go,
    keep,
    page,
    session_of,
)
from api.deps import RuntimeOf
from sync import people
from sync.errors import InvalidInputError, UnauthenticatedError
from worker.runtime import Runtime

router = APIRouter(route_class=PageRoute)

_OURS = re.compile(r"/console(?:/[\w/-]*)?(?:\?[\w.%&=+~-]*)?", re.ASCII)
"""Where somebody may be sent after signing in: nowhere but here."""


@router.get("/sign-in")
def sign_in_page(request: Request, runtime: RuntimeOf) -> Response:
    """The form; whoever is signed in goes on."""
    token = session_of(request)
    if token and people.person_of(runtime.begin, token) is not None:
        return go(runtime, ROOT)
    return _sign_in_form(request, runtime, after=request.query_params.get("next", ""))


def _sign_in_form(
    request: Request,
    runtime: Runtime,
    *,
    after: str,
    name: str = "",
    trouble: str | None = None,
    status: int = 200,
) -> Response:
    browser = browser_of(request)
    answer = page(
        request,
        runtime,
        "sign_in.html",
        status=status,
        after=after if _OURS.fullmatch(after) else "",
        name=name,
        trouble=trouble,
        form_token=people.form_token(browser),
    )
    # A session that has ended must not stand before the browser's own token.
    answer.delete_cookie(SESSION, path=ROOT)
    keep(runtime, answer, BROWSER, browser, seconds=86_400)
    return answer


@router.post("/sign-in")
def sign_in(request: Request, runtime: RuntimeOf, form: FormOf) -> Response:
    """Begin a session."""
    name, after = form.get("name", "")[:200], form.get("next", "")
    place = request.client.host if request.client else ""
    sign_ins = request.app.state.sign_ins
    if not sign_ins.allowed(name, place):
        trouble = f"Too many tries. Wait {MINUTES} minutes, then try again."
        return _sign_in_form(request, runtime, after=after, name=name, trouble=trouble, status=429)
    try:
        token = people.sign_in(runtime.begin, name, form.get("password", ""))
    except UnauthenticatedError as error:
        trouble = words.sentence(error)
        return _sign_in_form(request, runtime, after=after, name=name, trouble=trouble, status=401)
    sign_ins.succeeded(name, place)
    answer = go(runtime, after if _OURS.fullmatch(after) else ROOT)
    answer.delete_cookie(BROWSER, path=ROOT)
    return _stay(runtime, answer, token)


def _stay(runtime: Runtime, answer: Response, token: str) -> Response:
    seconds = int(people.SESSION_LIFE.total_seconds())
    keep(runtime, answer, SESSION, token, seconds=seconds)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, runtime: RuntimeOf, person: NewcomerOf, _: FormOf) -> Response:
    """End the session."""
    people.sign_out(runtime.begin, person, session_of(request))
    answer = go(runtime, f"{ROOT}/sign-in")
    answer.delete_cookie(SESSION, path=ROOT)
    return answer


@router.get("/password")
def password_page(request: Request, runtime: RuntimeOf, person: NewcomerOf) -> Response:
    """The form to choose a password."""
    return page(
        request,
        runtime,
        "password.html",
        must=person.must_choose,
        shortest=people.SHORTEST,
        trouble=None,
    )


@router.post("/password")
def choose_password(
    request: Request, runtime: RuntimeOf, person: NewcomerOf, form: FormOf
) -> Response:
    """Replace one's own password; other browsers are signed out."""
    place = request.client.host if request.client else ""
    new = form.get("new", "")
    trouble = None
    if not request.app.state.sign_ins.allowed(person.name, place):
        trouble = f"Too many tries. Wait {MINUTES} minutes, then try again."
    elif new != form.get("again", ""):
        trouble = "The new password was typed in two ways."
    else:
        try:
            token = people.choose_password(runtime.begin, person, form.get("present", ""), new)
        except InvalidInputError as error:
            trouble = words.sentence(error)
    if trouble is not None:
        return page(
            request,
            runtime,
            "password.html",
            status=400,
            must=person.must_choose,
            shortest=people.SHORTEST,
            trouble=trouble,
        )
    request.app.state.sign_ins.succeeded(person.name, place)
    return _stay(runtime, go(runtime, ROOT, "Your password was changed."), token)
