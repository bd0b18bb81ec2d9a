"""Keyset cursors: where a page ended, opaque to clients and signed, so that only this service makes them.

`base64url(MAC + values as JSON)`. The MAC covers a scope (route, workspace and filters) that the cursor does not
carry: a cursor of another list, another filter or another workspace is refused like a forged one.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import orjson

__all__ = ["CursorKey", "CursorValue", "InvalidCursorError", "cursor_key", "open_cursor", "seal_cursor"]

type CursorKey = bytes
type CursorValue = str | int

_MAC_BYTES: Final = 16


class InvalidCursorError(ValueError):
    """The cursor was not made here, or not for this list."""


def cursor_key(secret: bytes) -> CursorKey:
    """Return the key of cursors, derived so that no signature of another purpose passes as one of theirs."""
    return hashlib.sha256(b"bureau cursor\x00" + secret).digest()


def _mac(key: CursorKey, scope: str, payload: bytes) -> bytes:
    """Return the first 128 bits of HMAC-SHA256 over scope and payload; the NUL keeps the two apart."""
    return hmac.digest(key, scope.encode() + b"\x00" + payload, "sha256")[:_MAC_BYTES]


def seal_cursor(key: CursorKey, scope: str, values: Sequence[CursorValue]) -> str:
    """Return the cursor that says these sort values."""
    payload = orjson.dumps(list(values))
    return base64.urlsafe_b64encode(_mac(key, scope, payload) + payload).rstrip(b"=").decode()


def open_cursor(key: CursorKey, scope: str, cursor: str) -> list[CursorValue]:
    """Return the sort values that a cursor says; raises InvalidCursorError."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursorError(cursor) from error
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, scope, payload)):
        raise InvalidCursorError(cursor)
    values: list[CursorValue] = orjson.loads(payload)
    return values
