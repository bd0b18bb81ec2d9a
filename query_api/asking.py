"""What all questions share: who asks, the pages that are asked for, and the answers of finished bytes. Pure."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from contracts.streams import shard_of
from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.cursors import open_cursor, seal_cursor
from infrastructure.read_statements import Covers, FoundPage, RowName, SortKey
from query_api.dependencies import QueryDependencies
from query_api.joining import join_page
from query_api.pages import PageParameters
from query_api.wishes import Wish

__all__ = [
    "Asker",
    "PageWanted",
    "answer_in_pieces",
    "answer_of",
    "name_of",
    "page_answer",
    "page_place",
    "scope_of",
    "wanted_page",
]

_DIGEST_BYTES: Final = 16
_PIECE_BYTES: Final = 262_144


class Asker(NamedTuple):
    """In which workspace somebody asks, what the request wishes, and over how many shards the roots are spread."""

    workspace_id: str
    wish: Wish
    shards: int


class PageWanted(NamedTuple):
    """A page of a list: `scope` names list, workspace and filters, and is what a cursor is bound to."""

    scope: str
    after: SortKey | None
    limit: int


def _digest(content: bytes) -> str:
    """Return 128 bits of BLAKE2b in hexadecimal."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def scope_of(route: str, workspace_id: str, filters: Sequence[str | UUID | None]) -> str:
    """Return the name of a list as somebody sees it."""
    return orjson.dumps([route, workspace_id, *filters]).decode()


def answer_of(body: bytes, covers: Covers, next_cursor: str | None = None) -> Answer:
    """Return the answer of finished bytes; its ETag is strong, as it names these bytes."""
    return Answer(body, f'"{_digest(body)}"', covers.token, next_cursor, covers.is_parked)


async def answer_in_pieces(pieces: Iterable[bytes], covers: Covers) -> Answer:
    """Return the answer of the pieces that together are its bytes; others have the loop between any 256 KiB of them."""
    digest, blocks, pending, size = hashlib.blake2b(digest_size=_DIGEST_BYTES), [b""], list[bytes](), 0
    for piece in pieces:
        pending.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            blocks.append(b"".join(pending))
            digest.update(blocks[-1])
            pending, size = [], 0
            await asyncio.sleep(0)
    last = b"".join(pending)
    digest.update(last)
    etag = f'"{digest.hexdigest()}"'
    if len(blocks) == 1:
        return Answer(last, etag, covers.token, is_parked=covers.is_parked)
    return Answer(b"", etag, covers.token, is_parked=covers.is_parked, rest=(*blocks[1:], last))


def wanted_page(scope: str, parameters: PageParameters, dependencies: QueryDependencies) -> PageWanted:
    """Return the page that parameters ask for; raises InvalidCursorError."""
    raw = parameters.to_raw_params()
    cursor = None if raw.cursor is None else open_cursor(dependencies.cursor_key, scope, str(raw.cursor))
    return PageWanted(scope, None if cursor is None else tuple(cursor), raw.size)


def page_place(tag: str, wanted: PageWanted) -> CachePlace:
    """Return where a page may be kept."""
    return CachePlace(tag, _digest(orjson.dumps([wanted.scope, wanted.after, wanted.limit])))


def page_answer(found: FoundPage, wanted: PageWanted, dependencies: QueryDependencies) -> Answer:
    """Return the answer of a page."""
    next_cursor = None if found.last is None else seal_cursor(dependencies.cursor_key, wanted.scope, found.last)
    return answer_of(join_page(found.bodies, next_cursor), found.covers, next_cursor)


def name_of(asker: Asker, row_id: UUID) -> RowName:
    """Return what names a row of one root."""
    return RowName(shard_of(row_id, asker.shards), asker.workspace_id, row_id)
