"""Randomness and identifiers: the only place where they are made."""

import os
import random
import secrets
from uuid import UUID

from infrastructure.clock import unix_milliseconds

__all__ = ["new_id", "new_secret", "new_traceparent", "random_share"]

_RANDOM_BITS = (1 << 74) - 1
_RANDOM_B_BITS = 62


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random bits, so ids sort by age."""
    random_bits = int.from_bytes(os.urandom(10)) & _RANDOM_BITS
    high, low = random_bits >> _RANDOM_B_BITS, random_bits & ((1 << _RANDOM_B_BITS) - 1)
    return UUID(int=(unix_milliseconds() << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)


def new_secret() -> str:
    """Return 256 random bits in URL-safe base64."""
    return secrets.token_urlsafe(32)


def new_traceparent() -> str:
    """Return a W3C `traceparent` that starts a trace: version 00, random trace and span id, sampled."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def random_share() -> float:
    """Return a number from 0 to 1, for jitter."""
    return random.random()  # noqa: S311 - no secret
