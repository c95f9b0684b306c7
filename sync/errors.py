"""What can go wrong before a provider is asked: one clear sentence and the next step each."""


class SyncError(Exception):
    """Base: the message is shown to people as it is."""


class NotFoundError(SyncError):
    """There is no such thing, or it belongs to somebody else."""


class NotAllowedError(SyncError):
    """It exists, but its state does not allow this."""


class ConflictError(NotAllowedError):
    """The same, where callers tell cases apart by `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StaleError(SyncError):
    """It was changed since the caller read it; nothing was changed now."""


class InvalidInputError(SyncError):
    """What was handed in cannot be used; nothing was changed."""


class UnknownEntityError(InvalidInputError):
    """The organisation has no billing entity of that code."""


class UnauthenticatedError(SyncError):
    """Nobody knows who is asking."""


class AccessDeniedError(SyncError):
    """The caller is known and may not do this; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
