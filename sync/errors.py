"""What can go wrong before a provider is asked: one clear sentence and the next step each."""


class SyncError(Exception):
    """Base: the message is shown to people as it is."""


class NotFoundError(SyncError):
    """There is no such thing, or it belongs to somebody else."""


class NotAllowedError(SyncError):
    """It exists, but its state does not allow this."""


class InvalidInputError(SyncError):
    """What was handed in cannot be used; nothing was changed."""
