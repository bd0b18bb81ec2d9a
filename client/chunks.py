"""Cutting large content into chunks that fit a request."""

import base64
from collections.abc import Iterator, Sequence

from client.content import Part

__all__ = ["split_parts"]

_CHUNK_BYTES = 160 * 1024
"""A chunk of text stays below the service's limit of 1 MiB a request, even if JSON escapes each byte with six."""


def split_parts(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """Return the parts in chunks of at most `_CHUNK_BYTES`; parts that are larger are cut."""
    pieces = [piece for part in parts for piece in _split_part(part)]
    chunks: list[list[Part]] = [[]]
    size = 0
    for piece in pieces:
        length = len(piece.content or b"")
        if chunks[-1] and size + length > _CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(piece)
        size += length
    return [tuple(chunk) for chunk in chunks]


def _split_part(part: Part) -> Iterator[Part]:
    content = part.content
    if content is None or len(content) <= _CHUNK_BYTES:
        yield part
        return
    start = 0
    while start < len(content):
        end = _find_cut(content, start) if part.text is not None else start + _CHUNK_BYTES
        piece = content[start:end]
        update = {"raw": base64.b64encode(piece).decode()} if part.text is None else {"text": piece.decode()}
        yield part.model_copy(update=update)
        start = end


def _find_cut(content: bytes, start: int) -> int:
    """Return where to cut UTF-8 text without cutting a character."""
    end = min(start + _CHUNK_BYTES, len(content))
    while end < len(content) and content[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's continuation bytes are 10xxxxxx
        end -= 1
    return end
