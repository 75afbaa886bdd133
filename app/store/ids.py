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
