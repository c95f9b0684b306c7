"""The secrets that most tests use; whatever any test prints, logs or captures is searched for them."""

KNOWN = (
    "plain-ledger-key",  # the plain ledger's
    "plain-client-secret",  # the same, where it has consent or a sign-in
    "Zq7-",  # everything in tests/security/planted.py
)


def shown_in(text: str) -> list[str]:
    """Which of them a text shows."""
    return [secret for secret in KNOWN if secret in text]
