"""Lease tokens: `<lease number>.<signature>`. Never stored: whoever has the key can make one again and check it."""

import base64
import hashlib
import hmac
from uuid import UUID

__all__ = ["make_lease_token", "read_lease_token"]


def _signature(secret_key: bytes, task_id: UUID, number: int) -> str:
    """Return HMAC-SHA256 over task id and number, in URL-safe base64 without padding."""
    digest = hmac.digest(secret_key, b"lease:" + task_id.bytes + number.to_bytes(8), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def make_lease_token(secret_key: bytes, task_id: UUID, number: int) -> str:
    """Return the token of a task's lease."""
    return f"{number}.{_signature(secret_key, task_id, number)}"


def read_lease_token(secret_key: bytes, task_id: UUID, token: str) -> int | None:
    """Return the lease's number, or None where the token is not one of ours for this task."""
    number, _, signature = token.partition(".")
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:  # noqa: PLR2004 - digits that 8 bytes hold
        return None
    expected = _signature(secret_key, task_id, int(number))
    return int(number) if hmac.compare_digest(signature.encode(), expected.encode()) else None
