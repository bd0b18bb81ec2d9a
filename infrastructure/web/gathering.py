"""A connection's way out that makes one call of what is written in one step of the loop: an answer's head and its body.

Two calls are two packets, and wake whoever waits for the answer twice.
"""

import asyncio
from typing import Any, Final, cast

__all__ = ["gathered"]

_MOST_BYTES: Final = 65_536  # more than this leaves at once, so that the transport can say that it is full


class _GatheredTransport:
    """A transport in all but its writing."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to this transport."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever transports have
        """Return what the transport has."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write with what else is written in this step."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self._flush()

    def close(self) -> None:
        """Close, after what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        """Write all that was gathered; a connection that is gone takes nothing any more."""
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))


def gathered(transport: asyncio.BaseTransport) -> asyncio.Transport:
    """Return the transport of a connection with its writes gathered."""
    return cast("asyncio.Transport", _GatheredTransport(cast("asyncio.Transport", transport)))
