"""What can go wrong at a provider, named by what the caller must do.

ConnectorError
├─ Transient            nothing happened; try again later, unchanged
│  ├─ RateLimited       ... after `retry_after`
│  └─ Unavailable       the provider as a whole is away: no record's fault
├─ OutcomeUnknown       a write may have happened; look before repeating it
├─ ActionRequired       a person must act; retrying cannot help
│  ├─ AuthorizationLost the credentials no longer open the door
│  │  └─ TokenRefused   only the short-lived token does not: renew it, and send once more
│  ├─ PermissionDenied  they open it, but not for this
│  └─ MappingMissing    something of ours has no counterpart there
├─ Rejected             this record is wrong, the others may go on
│  └─ Conflict          the ledger's version is not the one we knew
├─ Unsupported          the connector does not claim this capability
├─ WebhookRefused       nobody can tell who sent it: leave it alone
└─ ProtocolError        they or we broke the contract: a bug, alert

`sync.outcome` turns each into a record status, in one function. Messages are shown to people:
no tokens, no personal data, no stack traces.
"""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class Cause:
    """What blocks one or more records: equal code and subject are one issue.

    The catalogue (`sync.catalogue`) has the sentence, the person and the next step for each code.
    """

    code: str
    subject: str
    words: dict[str, str] = field(compare=False)
    """What the catalogue's sentence needs to name the thing to fix."""


class ConnectorError(Exception):
    """Base of every error that a connector raises; nothing else may leave one."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str | None = None,
        http_status: int | None = None,
        cause: Cause | None = None,
        retry_after: timedelta | None = None,
        withdrawn: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code  # the provider's own, shown in the sync log
        self.request_id = request_id  # what the provider's support asks for
        self.http_status = http_status
        self.cause = cause  # groups records that fail for the same reason
        self.retry_after = retry_after  # None: our backoff decides
        self.withdrawn = withdrawn  # what earlier steps wrote was taken back; nothing is left


class Transient(ConnectorError):  # noqa: N818  # named by what the caller must do
    """Nothing happened; try the same request again later."""


class RateLimited(Transient):
    """The provider counts calls and has counted enough; come back after `retry_after`."""


class Unavailable(Transient):
    """The provider cannot be reached or is down: no call can succeed now, for any record."""


class OutcomeUnknown(ConnectorError):  # noqa: N818
    """A write timed out or broke off and may have happened; look it up before repeating it."""


class ActionRequired(ConnectorError):  # noqa: N818
    """A person must act; retrying cannot help."""


class AuthorizationLost(ActionRequired):
    """The credentials are refused: the connection needs a new authorization."""


class TokenRefused(AuthorizationLost):
    """The access token is refused, and nothing was done: another one may still open the door.

    `connectors.http.Http` renews the token and sends the request once more, a write too; what
    leaves it means that the next token was refused as well. For a 401 that is not about the
    token (a wrong subscription key) connectors use `AuthorizationLost` itself.
    """


class WebhookRefused(ConnectorError):  # noqa: N818
    """What claims to be a provider's webhook is not signed by it."""


class PermissionDenied(ActionRequired):
    """The credentials are good, but their owner may not do this."""


class MappingMissing(ActionRequired):
    """Something that the record names has no counterpart at the provider."""


class Rejected(ConnectorError):  # noqa: N818
    """The provider definitely refused this record and wrote nothing."""


class Conflict(Rejected):
    """The provider's version of the record is not the one that we knew."""


class Unsupported(ConnectorError):  # noqa: N818
    """The connector does not claim this capability."""


class ProtocolError(ConnectorError):
    """An answer that makes no sense, or a request that we should not have made: a bug."""
