"""Where requests go: only to what a provider or an operator named, whatever an address says."""

from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from connectors import registry
from connectors.base import CallScope
from connectors.errors import ConnectorError, ProtocolError
from connectors.http import Http
from connectors.loopback import LoopbackServer
from connectors.simulator import Answer
from models.crypto import KeyRing, new_key
from sync.errors import AccessDeniedError, InvalidInputError
from sync.opener import Opener
from sync.webhooks import Addresses

ALLOWED = ("http://127.0.0.1:9000", "https://proxy.internal/ledgers/one")


@pytest.fixture
def opener() -> Opener:
    return Opener(
        spec=registry.spec,
        keys=KeyRing([new_key()]),
        http=None,
        timeout_seconds=5,
        allowed_base_urls=ALLOWED,
    )


class TestBaseUrls:
    @pytest.mark.parametrize(
        "url",
        [
            *("http://127.0.0.1:9000", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/books"),
            *("https://proxy.internal/ledgers/one", "https://proxy.internal/ledgers/one/v2"),
        ],
    )
    def test_what_the_operator_named_may_be_used(self, opener: Opener, url: str) -> None:
        assert opener.checked_url(registry.spec("memory"), url) == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1",
            "http://127.0.0.1:90001",
            "http://127.0.0.1:9000@evil.example",
            "http://127.0.0.1:9000\\@evil.example",
            "http://127.0.0.1:9000.evil.example",
            "http://127.0.0.1:9000/?x=",
            "http://127.0.0.1:9000/#",
            "http://127.0.0.1:9000/\r\nHost: evil.example",
            "https://proxy.internal/ledgers/one/../../admin",
            "https://proxy.internal/ledgers/one/..",
            "https://proxy.internal/ledgers/one/%2E%2e/two",
            "https://proxy.internal/ledgers/one/..%2f..%2fadmin",
            "https://proxy.internal/ledgers/one/.%5c.",
            "https://proxy.internal/ledgers/one2",
            "https://proxy.internal/ledgers",
            "https://PROXY.internal.evil.example/ledgers/one",
            "http://localhost:9000",
            "http://[::1]:9000",
            "http://[::ffff:127.0.0.1]:9000",
            "http://[::ffff:7f00:1]:9000",
            "http://2130706433:9000",
            "http://0x7f.1:9000",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://metadata.google.internal/",
            "https://user:password@proxy.internal/ledgers/one",
            "file:///etc/passwd",
            "gopher://127.0.0.1:9000",
            "//127.0.0.1:9000",
            "",
        ],
    )
    def test_nothing_else_is(self, opener: Opener, url: str) -> None:
        spec = registry.spec("memory")

        with pytest.raises(InvalidInputError) as refused:
            opener.checked_url(spec, url)

        assert "password" not in str(refused.value)

    @pytest.mark.parametrize(
        "provider", [key for key in registry.known() if registry.spec(key).hosts]
    )
    def test_a_providers_own_hosts_are_only_called_over_tls(
        self, opener: Opener, provider: str
    ) -> None:
        spec = registry.spec(provider)
        for host in spec.hosts:
            assert opener.checked_url(spec, f"https://{host}/x")
            for url in (
                f"http://{host}/x",
                f"https://{host}.evil.example/x",
                f"https://evil.example/{host}",
                f"https://{host}@evil.example/",
                f"https://evil.example#{host}",
                f"https://sub.{host}/",
            ):
                with pytest.raises(InvalidInputError):
                    opener.checked_url(spec, url)

    def test_loopback_is_for_the_embedded_default_alone(self, opener: Opener) -> None:
        spec = registry.spec("memory")
        embedded = replace(opener, allow_loopback=True)

        assert embedded.checked_url(spec, "http://localhost:8123")
        for url in ("http://[::ffff:127.0.0.1]:1", "http://127.0.0.2", "http://0.0.0.0"):
            with pytest.raises(InvalidInputError):
                embedded.checked_url(spec, url)


class TestPaths:
    @pytest.mark.parametrize("path", ["@127.0.0.1:9/x", ".evil.example/x", ":9/x", "http://x/y"])
    def test_what_follows_a_base_url_cannot_make_another_address_of_it(self, path: str) -> None:
        http = Http(httpx.Client(), "http://127.0.0.1:1", CallScope("test"))

        with pytest.raises(ProtocolError) as refused:
            http.read("GET", path)

        assert refused.value.code == "unsendable"


def ask(http: Http, how: str) -> None:
    """Make a request, in one of the ways there are."""
    if how == "stream":
        with http.stream("GET", "/x"):
            return
    if how == "read":
        http.read("GET", "/x")
    else:
        http.write("POST", "/x")


class TestRedirects:
    @pytest.mark.parametrize("how", ["read", "write", "stream"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_none_is_followed_and_no_credential_goes_anywhere(self, how: str, status: int) -> None:
        elsewhere = LoopbackServer(lambda _: Answer(200, {}))
        with elsewhere.running() as away:
            server = LoopbackServer(lambda _: Answer(status, b"", {"location": f"{away}/x"}))
            with server.running() as url, httpx.Client() as client:
                http = Http(client, url, CallScope("test"), bearer=SecretStr("geheim-geheim"))
                with pytest.raises(ConnectorError, match="redirect") as refused:
                    ask(http, how)

        assert not elsewhere.requests
        assert "geheim" not in str(vars(refused.value))


class TestWebhookUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "https://user:password@example.com/hooks",
            "https://user@example.com/hooks",
            "https://:password@example.com/hooks",
            "http://user:password@hooks.internal:8080/a",
            "https://[::ffff:10.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00:ec2::254]/",
            "file:///etc/passwd",
        ],
    )
    def test_what_may_not_be_called_is_not_subscribed(self, url: str) -> None:
        with pytest.raises(AccessDeniedError) as refused:
            Addresses(("http://hooks.internal:8080",)).check(url)

        assert "password" not in str(refused.value)
