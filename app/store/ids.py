"""Short names for runs, experiments and shares, and unguessable tokens."""

import hashlib
import secrets

# Without 0/o, 1/l/i and u: read aloud and typed without mistakes.
ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return a new id: *prefix* and seven random characters (2e10 possibilities)."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(7))


def new_token() -> str:
    """Return a share token of 128 random bits."""
    return secrets.token_urlsafe(16)


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_id(text: str, prefix: str) -> bool:
    """Whether *text* may be an id that `new_id` made with this *prefix*."""
    rest = text.removeprefix(prefix)
    return text.startswith(prefix) and len(rest) == 7 and set(rest) <= set(ALPHABET)
