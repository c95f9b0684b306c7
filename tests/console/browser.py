"""What a person does with pages: follow links, fill in forms, and read."""

import html
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from models.tables import UserRole
from sync import people
from tests.api.world import World

PASSWORD = "a few unusual words"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<input\b([^>]*)>")
_NAMED = re.compile(r'([\w-]+)="([^"]*)"')


@dataclass
class Form:
    """A form of a page, with what it brings along."""

    url: str
    fields: dict[str, str]
    words: str


@dataclass
class Browser:
    """One browser without a script; `page` is what it shows."""

    client: httpx.Client
    name: str = ""
    page: httpx.Response = field(init=False)

    def open(self, url: str, *, status: int = 200) -> str:
        """Go to an address; gives what is read there, without marks."""
        self.page = self.client.get(url, follow_redirects=True)
        assert self.page.status_code == status, (self.page.status_code, self.text)
        return self.text

    @property
    def text(self) -> str:
        """What is read on the page."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.page.text)))

    @property
    def path(self) -> str:
        """Where the browser is."""
        return urlsplit(str(self.page.url)).path

    def links(self) -> list[str]:
        """Every address of ours that the page leads to."""
        return [html.unescape(url) for url in re.findall(r'href="(/console[^"]*)"', self.page.text)]

    def forms(self) -> list[Form]:
        """The forms of the page."""
        found = []
        for attributes, inside in _FORM.findall(self.page.text):
            named = dict(_NAMED.findall(attributes))
            inputs = [dict(_NAMED.findall(one)) for one in _INPUT.findall(inside)]
            fields = {
                one["name"]: html.unescape(one.get("value", "")) for one in inputs if "name" in one
            }
            found.append(Form(named["action"], fields, re.sub(r"<[^>]+>", " ", inside)))
        return found

    def form(self, ending: str) -> Form:
        """The form that leads to an address with that ending."""
        return next(form for form in self.forms() if form.url.endswith(ending))

    def has_form(self, ending: str) -> bool:
        """Whether the page offers something."""
        return any(form.url.endswith(ending) for form in self.forms())

    def send(self, ending: str, *, status: int = 200, **given: str) -> str:
        """Fill in a form of the page and send it; gives what is read on the page after it."""
        form = self.form(ending)
        return self.post(form.url, form.fields | given, status=status)

    def post(self, url: str, fields: dict[str, str], *, status: int = 200) -> str:
        """Send a form, whatever the page is."""
        self.page = self.client.post(url, data=fields, follow_redirects=True)
        assert self.page.status_code == status, (self.page.status_code, self.text)
        return self.text


@dataclass
class People:
    """People of a world, each with a name that nobody had in another test."""

    world: World
    open_browsers: ExitStack
    mark: str

    def browser(self) -> Browser:
        """A new browser."""
        client = httpx.Client(base_url=self.world.url, timeout=10)
        return Browser(self.open_browsers.enter_context(client))

    def add(self, name: str, role: str, *, organisation: str = "Acme") -> tuple[str, str]:
        """Somebody new: name and one-time password."""
        with self.world.runtime.begin() as work:
            made = people.add(
                work,
                organisation_id=work.tenants.organisation(organisation),
                name=f"{name}-{self.mark}",
                role=UserRole(role),
                actor="test",
            )
        return made.row.name, made.password

    def signed_in(self, name: str, role: str, *, organisation: str = "Acme") -> Browser:
        """Somebody new who has chosen a password already."""
        name, password = self.add(name, role, organisation=organisation)
        browser = self.browser()
        browser.name = name
        browser.open("/console")
        browser.send("/sign-in", name=name, password=password)
        browser.send("/password", present=password, new=PASSWORD, again=PASSWORD)
        assert browser.path == "/console"
        return browser
