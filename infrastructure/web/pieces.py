"""A large answer in pieces: others have the loop between them, and no more than one is copied at a time."""

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import Response
from starlette.types import Receive, Scope, Send

__all__ = ["PiecesResponse"]


class PiecesResponse(Response):
    """JSON that is sent in pieces, with its length; a class because Starlette's responses are."""

    media_type = "application/json"

    def __init__(self, pieces: Sequence[bytes], headers: Mapping[str, str]) -> None:
        """Answer 200 with these pieces."""
        length = str(sum(map(len, pieces)))
        super().__init__(None, headers={**headers, "Content-Length": length})
        self.pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces, each when the connection has room for it."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})
