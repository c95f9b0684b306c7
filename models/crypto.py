"""Secrets at rest: sealed with the first key of a ring, opened with any of them.

Keys are Fernet keys (AES-128-CBC with HMAC-SHA256). Rotating means: put a new key first, run
`ledgerbridge keys rotate`, then drop the old one.
"""

import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnreadableSecretError(Exception):
    """No key of the ring opens a stored secret."""


class KeyRing:
    """Seals and opens credentials; never shows a key."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take keys in order of preference, the one that seals first.

        Raises:
            ValueError: There is no key, or one is not a Fernet key (32 bytes, URL-safe base64).
        """
        if not keys:
            raise ValueError("there is no key to encrypt credentials with")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise ValueError(
                "a credentials key is not 32 bytes in URL-safe base64; make one with "
                "`python -c 'from cryptography.fernet import Fernet; "
                "print(Fernet.generate_key().decode())'`"
            ) from error

    def seal(self, secret: dict[str, Any]) -> bytes:
        """Encrypt a JSON object under the first key."""
        return self._fernet.encrypt(json.dumps(secret).encode())

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Decrypt what `seal` made, with whichever key fits.

        Raises:
            UnreadableSecretError: The key that sealed it is not in the ring.
        """
        try:
            secret: dict[str, Any] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise UnreadableSecretError(
                "stored credentials cannot be decrypted: LEDGERBRIDGE_CREDENTIALS_KEYS lacks the "
                "key that encrypted them"
            ) from None
        return secret

    def rotate(self, sealed: bytes) -> bytes:
        """Encrypt again under the first key."""
        return self.seal(self.open(sealed))

    def __repr__(self) -> str:
        return "KeyRing(...)"


def new_key() -> str:
    """Make a key for a ring."""
    return Fernet.generate_key().decode()
