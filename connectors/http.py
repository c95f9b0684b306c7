"""HTTP for connectors: time-outs, deadlines, redaction, and what each failure means.

Reads are repeated within seconds; writes never are: a write that broke off after bytes left is
`OutcomeUnknown`, and only a look-up in the ledger may decide about it. The difference between
"nothing was sent" and "something may have happened" is made here and nowhere else.
"""

import functools
import json
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import httpx
import tenacity
from pydantic import SecretStr

from connectors import turns, unpacking
from connectors.base import CallScope, Deadline
from connectors.errors import (
    Cause,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Transient,
    Unavailable,
)

USER_AGENT = "ledgerbridge/0.1"
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_WORDS = 600
_MOST_TEXT = 64 * 1024
_LEAST_TO_HIDE = 6
"""Characters: less of a secret is no secret, and may be anybody's word."""
MOST_READS = 3
MOST_SECONDS_OF_READING = 30
MOST_SECONDS_OF_STREAMING = 1800
MAX_LINE_BYTES = 4 * 1024 * 1024
LATE = "late"
"""Code of the error when a deadline passed before the request left."""

# Nothing left this machine: the request cannot have had an effect.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

# What httpx raises when texts cannot be written as HTTP: odd characters in an address or a key.
_NOT_HTTP = (httpx.InvalidURL, UnicodeError, TypeError, ValueError)

_LONGEST_WAIT = timedelta(days=31)

# A header that is quoted back, or a long token after the word that announces it.
_CREDENTIALS = re.compile(
    r"""(authorization|cookie)["']?\s*[:=]\s*["']?(?:(?:bearer|basic|session|token)\s+)?[^\s"',;}]+"""
    r"""|(bearer|basic|session|token)["' :=]+[\w+/.=~-]{16,}""",
    re.IGNORECASE,
)


def timeout_of(seconds: float) -> httpx.Timeout:
    """Time-outs for a connection's `timeout_seconds`: reaching the provider must go faster."""
    quick = min(5.0, seconds)
    return httpx.Timeout(seconds, connect=quick, pool=quick)


Classify = Callable[[httpx.Response, bool], ConnectorError | None]
"""(answer, is it an answer to a write) → the error in it, or None when it is a good answer."""


class _Bearer:
    """The token that goes out with every request; one thread renews it when it is refused."""

    def __init__(self, token: SecretStr, renew: Callable[[SecretStr], SecretStr] | None) -> None:
        self.token = token
        self._renew = renew
        self._lock = threading.Lock()

    @property
    def secret(self) -> str:
        return self.token.get_secret_value()

    def replace(self, refused: str) -> bool:
        """Have another token than the refused one; False when there is none to be had."""
        if self._renew is None:
            return False
        with self._lock:
            if self.secret == refused:
                self.token = self._renew(self.token)
        return self.secret != refused


_Sent = TypeVar("_Sent")


class Http:
    """One connector's way to its provider, on the process's shared `httpx.Client`."""

    def __init__(
        self,
        client: httpx.Client,
        base_url: str,
        scope: CallScope,
        *,
        secrets: Iterable[str] = (),
        classify: Classify | None = None,
        timeout: httpx.Timeout | None = None,
        bearer: SecretStr | None = None,
        renew: Callable[[SecretStr], SecretStr] | None = None,
    ) -> None:
        """Take what all requests have in common.

        Args:
            client: The process's.
            base_url: What every path is appended to.
            scope: For whose sake, and until when.
            secrets: Texts that must not appear in any message that leaves here.
            classify: Finds the error in an answer.
            timeout: How long things may take.
            bearer: An access token, sent as `Authorization: Bearer …`.
            renew: `ConnectorConfig.renew`: gets the next token when the provider refuses this one.
        """
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._scope = scope
        self._secrets = [secret for secret in secrets if secret]
        if bearer is not None:
            self._secrets.append(bearer.get_secret_value())
        self._classify = classify or error_in
        self._timeout = timeout or timeout_of(60)
        self._bearer = _Bearer(bearer, renew) if bearer is not None else None

    def read(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        counts_as: str = "",
        **kwargs: Any,
    ) -> httpx.Response:
        """Send a request without effects; repeated at most twice, within 30 seconds.

        `counts_as` names a window of `Limits.more` that it uses up besides.
        """
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_repeating),
            stop=self._given_up,
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=3),
            reraise=True,
        ):
            with attempt:
                return self._send(
                    method, path, wrote=False, headers=headers, counts_as=counts_as, **kwargs
                )
        raise AssertionError("tenacity re-raises")  # pragma: no cover  # for the type checker

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        counts_as: str = "",
        longest_seconds: float = MOST_SECONDS_OF_STREAMING,
        **kwargs: Any,
    ) -> Iterator["Streamed"]:
        """Read an answer piece by piece, however large it is: nothing of it is kept.

        Opening is repeated as reads are; what breaks off later is `Transient`, and it is for the
        caller to throw away what came and to start again.
        """

        def opened(given: Mapping[str, str]) -> tuple["Streamed", ExitStack]:
            return self._opened(
                method, path, given, counts_as=counts_as, seconds=longest_seconds, **kwargs
            )

        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_repeating),
            stop=self._given_up,
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=3),
            reraise=True,
        ):
            with attempt:
                streamed, stack = self._signed(opened, headers)
        with stack:
            yield streamed

    def write(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        counts_as: str = "",
        **kwargs: Any,
    ) -> httpx.Response:
        """Send a request that changes something; exactly once. `counts_as` as with reads."""
        return self._send(method, path, wrote=True, headers=headers, counts_as=counts_as, **kwargs)

    def _given_up(self, state: tenacity.RetryCallState) -> bool:
        """Whether a read is not tried again: often enough, long enough, or too late for it."""
        deadline = self._scope.deadline
        late = deadline is not None and state.upcoming_sleep >= deadline.left()
        long = (state.seconds_since_start or 0) >= MOST_SECONDS_OF_READING
        return late or long or state.attempt_number >= MOST_READS

    def _send(
        self,
        method: str,
        path: str,
        *,
        wrote: bool,
        headers: Mapping[str, str] | None,
        **kwargs: Any,
    ) -> httpx.Response:
        """Send a request; once more with another token when the first one is refused.

        That repeats no write: the provider said that it did nothing.
        """
        return self._signed(
            lambda given: self._sent(method, path, wrote=wrote, headers=given, **kwargs), headers
        )

    def _signed(
        self, send: Callable[[Mapping[str, str]], _Sent], headers: Mapping[str, str] | None
    ) -> _Sent:
        given = dict(headers or {})
        if self._bearer is None:
            return send(given)
        token = self._bearer.secret
        try:
            return send(_with(token, given))
        except TokenRefused:
            if not self._bearer.replace(token):
                raise
        token = self._bearer.secret
        self._secrets.append(token)
        return send(_with(token, given))

    def _sent(
        self,
        method: str,
        path: str,
        *,
        wrote: bool,
        headers: Mapping[str, str],
        counts_as: str = "",
        **kwargs: Any,
    ) -> httpx.Response:
        """Send a request when it is its turn."""
        longest = 2 * (self._timeout.read or 60.0) + 10
        with turns.taken(self._scope, wrote=wrote, seconds=longest, counts_as=counts_as) as heard:
            return self._exchanged(method, path, heard, wrote=wrote, headers=headers, **kwargs)

    def _exchanged(
        self,
        method: str,
        path: str,
        heard: turns.Heard,
        *,
        wrote: bool,
        headers: Mapping[str, str],
        **kwargs: Any,
    ) -> httpx.Response:
        request = self._built(method, path, headers, **kwargs)
        self._scope.count(calls=1)
        with self._breaking_off(request.url.host, wrote=wrote):
            response = self._client.send(request, stream=True, follow_redirects=False)
            heard.headers = response.headers
            try:
                self._load(response)
            finally:
                response.close()
                # It points back at the answer, which would keep its body until cycles are sought.
                response.stream = httpx.ByteStream(b"")
        if error_found := self._error_in(response, wrote=wrote):
            raise error_found
        return response

    def _opened(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        counts_as: str,
        seconds: float,
        **kwargs: Any,
    ) -> tuple["Streamed", ExitStack]:
        """Send a request and read the head of its answer; whoever gets the stack closes it."""
        with ExitStack() as stack:
            turn = turns.taken(self._scope, wrote=False, seconds=seconds, counts_as=counts_as)
            heard = stack.enter_context(turn)
            request = self._built(method, path, headers, **kwargs)
            self._scope.count(calls=1)
            with self._breaking_off(request.url.host, wrote=False):
                response = self._client.send(request, stream=True, follow_redirects=False)
                stack.callback(response.close)
                heard.headers = response.headers
                if not response.is_success:
                    self._load(response)
            if not response.is_success and (found := self._error_in(response, wrote=False)):
                raise found
            return Streamed(self, response, seconds), stack.pop_all()

    @contextmanager
    def _breaking_off(self, host: str, *, wrote: bool) -> Iterator[None]:
        """Say what a broken connection means: whether anything may have happened."""
        try:
            yield
        except _NOT_SENT as error:
            raise Unavailable(
                self.redact(f"{host} cannot be reached: {error}"), code="unreachable"
            ) from None
        except httpx.LocalProtocolError as error:
            raise _unsendable(error) from None
        except httpx.HTTPError as error:
            message = self.redact(
                f"the connection to {host} broke off: {str(error) or type(error).__name__}"
            )
            if wrote:
                raise OutcomeUnknown(message, code="no_answer") from None
            raise Transient(message, code="no_answer") from None

    def _built(
        self, method: str, path: str, headers: Mapping[str, str], **kwargs: Any
    ) -> httpx.Request:
        timeout = self._within_deadline()
        if self._base_url and path and path[0] not in "/?":
            # `@elsewhere` or `.elsewhere` after an address would be another address.
            raise _unsendable(ValueError())
        try:
            request = self._client.build_request(
                method,
                self._base_url + path,
                headers={
                    "User-Agent": USER_AGENT,
                    "Accept-Encoding": unpacking.ACCEPTED,
                    "X-Correlation-ID": self._scope.correlation_id,
                    **headers,
                },
                timeout=timeout,
                **kwargs,
            )
        except _NOT_HTTP as error:
            raise _unsendable(error) from None
        # The client is shared by all connections and keeps cookies: one customer's session must
        # not go out with another customer's request.
        if "cookie" not in {name.lower() for name in headers}:
            request.headers.pop("cookie", None)
        return request

    def _error_in(self, response: httpx.Response, *, wrote: bool) -> ConnectorError | None:
        """What a connector finds in an answer, with nothing secret in it."""
        try:
            error = self._classify(response, wrote)
        except Exception as bug:  # noqa: BLE001  # whatever it is, only a ConnectorError may leave
            kind = OutcomeUnknown if wrote else ProtocolError
            return kind(
                f"an answer that cannot be understood (HTTP {response.status_code}, "
                f"{type(bug).__name__})",
                code="unreadable_answer",
                http_status=response.status_code,
            )
        if error is not None:
            error.message = self.redact(error.message)
            error.args = (error.message,)
            error.code = self.redact(error.code)
            error.request_id = error.request_id and self.redact(error.request_id)
            if error.cause is not None:
                words = {name: self.redact(word) for name, word in error.cause.words.items()}
                error.cause = Cause(error.cause.code, self.redact(error.cause.subject), words)
        return error

    def _within_deadline(self) -> httpx.Timeout:
        """The configured time-outs, cut so that no request outlives the lease behind it.

        Waiting for a connection and connecting come before the first byte: they get half each.
        """
        if self._scope.deadline is None:
            return self._timeout
        left = self._scope.deadline.left()
        if left <= 0:
            raise Transient("the time for this batch ran out before it was sent", code=LATE)
        most = {"pool": left / 2, "connect": left / 2, "write": left, "read": left}
        cut = {
            name: most[name] if seconds is None else min(seconds, most[name])
            for name, seconds in self._timeout.as_dict().items()
        }
        return httpx.Timeout(**cut)

    def _load(self, response: httpx.Response) -> None:
        """Read the body, up to a size and a time that no honest answer needs."""
        chunks: list[bytes] = []
        size = 0
        patience = Deadline(2 * (self._timeout.read or 60.0))
        for chunk in unpacking.pieces_of(response):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise httpx.ReadError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            if patience.left() < 0:
                raise httpx.ReadTimeout("the answer does not end")
            chunks.append(chunk)
        self._scope.count(received=size)
        # httpx has no public way to set a body that was read under a limit.
        response._content = unpacking.storable(b"".join(chunks))  # noqa: SLF001

    def redact(self, text: str) -> str:
        """Make provider text fit to be shown: no secrets, no control characters, not endless."""
        for secret in self._secrets:
            for spelled in _spellings(secret):
                text = _without_its_beginning(text.replace(spelled, "***"), spelled)
        return redacted(text)


class Streamed:
    """An answer that is read while it arrives."""

    def __init__(self, http: Http, response: httpx.Response, seconds: float) -> None:
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._http = http
        self._response = response
        self._patience = Deadline(seconds)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes.

        Raises:
            Transient: It broke off, or does not end: what came so far is incomplete.
        """
        with self._http._breaking_off(self._response.url.host, wrote=False):  # noqa: SLF001  # one piece of plumbing
            for piece in unpacking.pieces_of(self._response):
                if self._patience.left() < 0:
                    raise httpx.ReadTimeout("the answer does not end")
                self._http._scope.count(received=len(piece))  # noqa: SLF001
                yield piece

    def lines(self) -> Iterator[bytes]:
        """Its lines without their ends, split at line feeds and nowhere else.

        Raises:
            Transient: It broke off, or does not end.
            ProtocolError: A line is longer than any honest one.
        """
        rest = b""
        for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            yield from map(unpacking.storable, whole)
            if len(rest) > MAX_LINE_BYTES:
                raise ProtocolError(
                    f"a line of the answer is longer than {MAX_LINE_BYTES} bytes", code="long_line"
                )
        if rest:
            yield unpacking.storable(rest)


@functools.lru_cache(maxsize=256)
def _spellings(secret: str) -> Collection[str]:
    """A secret as it may come back: as it is, in JSON, in an address, in a form."""
    in_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    spelled = {secret, *in_json, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return sorted(spelled, key=len, reverse=True)


def _without_its_beginning(text: str, secret: str) -> str:
    """A text without the first part of a secret that was cut off in the middle."""
    for length in range(min(len(secret), len(text)), _LEAST_TO_HIDE - 1, -1):
        if text.endswith(secret[:length]):
            return f"{text[:-length]}***"
    return text


def _with(token: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


def redacted(text: str) -> str:
    """The same for words whose secrets are not known: what looks like one is taken out."""
    text = _CREDENTIALS.sub(lambda match: f"{match[1] or match[2]} ***", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", text)
    return text if len(text) <= MAX_WORDS else f"{text[:MAX_WORDS]} …"


def _unsendable(error: Exception) -> ProtocolError:
    """For what is refused on this side, before the first byte; the words may hold a secret."""
    return ProtocolError(
        f"the request cannot be written as HTTP: {type(error).__name__}", code="unsendable"
    )


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, Transient) and not isinstance(error, RateLimited)


def error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Read an error from the status alone; connectors look into the body first.

    5xx and 408 after a write: it may have happened. 503 of a read: the provider is away.
    """
    status = response.status_code
    if status < 300:  # noqa: PLR2004  # HTTP's own numbers
        return None
    # Cut a second time once the secrets are out: half a secret would not be recognised.
    words = f"HTTP {status}: {response.text[:_MOST_TEXT]}".strip().rstrip(":")
    common: dict[str, Any] = {
        "http_status": status,
        "code": str(status),
        "request_id": response.headers.get("x-request-id"),
        "retry_after": retry_after(response.headers),
    }
    if status < 400:  # noqa: PLR2004
        return ProtocolError(f"HTTP {status}: an unexpected redirect", **common)
    kinds: dict[int, type[ConnectorError]] = {
        401: TokenRefused,
        403: PermissionDenied,
        408: OutcomeUnknown if wrote else Transient,
        409: Conflict,
        412: Conflict,
        429: RateLimited,
    }
    if status in kinds:
        return kinds[status](words, **common)
    if status < 500:  # noqa: PLR2004
        return Rejected(words, **common)
    return (OutcomeUnknown if wrote else Unavailable)(words, **common)


def json_of(response: httpx.Response, *, wrote: bool) -> Any:
    """Decode a JSON answer with exact numbers.

    Raises:
        OutcomeUnknown: The answer to a write is not JSON: what became of it is not known.
        Unavailable: The answer to a read is not JSON; something else is speaking for the provider.
    """
    try:
        return json.loads(response.content, parse_float=Decimal, parse_constant=_not_json)
    except (ValueError, RecursionError):
        kind = OutcomeUnknown if wrote else Unavailable
        raise kind(
            f"the answer from {response.url.host} is not JSON (HTTP {response.status_code}, "
            f"{response.headers.get('content-type', 'no content type')})",
            code="unreadable_answer",
            http_status=response.status_code,
        ) from None


def _not_json(constant: str) -> Any:
    """Refuse NaN and Infinity, which Python reads but JSON does not have."""
    raise ValueError(constant)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read `Retry-After`, in seconds or as a date; None when it is missing or nonsense."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return min(timedelta(seconds=float(value)), _LONGEST_WAIT)
    moment = _moment(value)
    if moment is None:
        return None
    return min(max(timedelta(0), moment - datetime.now(UTC)), _LONGEST_WAIT)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The provider's clock, from the `Date` header: cursors follow it, not ours."""
    return _moment(headers.get("date", ""))


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
