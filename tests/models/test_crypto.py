"""Secrets at rest."""

import pytest

from models.crypto import KeyRing, UnreadableSecretError, new_key


def test_what_one_ring_seals_another_cannot_open() -> None:
    sealed = KeyRing([new_key()]).seal({"password": "geheim"})

    assert b"geheim" not in sealed
    with pytest.raises(UnreadableSecretError, match="LEDGERBRIDGE_CREDENTIALS_KEYS"):
        KeyRing([new_key()]).open(sealed)


def test_rotation_moves_a_secret_under_the_first_key() -> None:
    old, new = new_key(), new_key()
    sealed = KeyRing([old]).seal({"password": "geheim"})

    rotated = KeyRing([new, old]).rotate(sealed)

    assert KeyRing([new]).open(rotated) == {"password": "geheim"}


def test_a_malformed_key_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="not 32 bytes") as refused:
        KeyRing(["not-a-key-but-secret"])

    assert "not-a-key-but-secret" not in str(refused.value)
    assert "KeyRing" in repr(KeyRing([new_key()]))
