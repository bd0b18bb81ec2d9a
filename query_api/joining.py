"""Putting finished pieces of JSON together, without parsing what need not be parsed. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import orjson

from infrastructure.read_queries import ArtifactChunk, FoundTask

__all__ = ["artifact_pieces", "join_page", "task_pieces"]


def _join_list(items: Iterable[bytes]) -> bytes:
    """Return a JSON array of finished items."""
    return b"[" + b",".join(items) + b"]"


def artifact_pieces(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the artifact that these chunks make, oldest first; a single chunk is the artifact.

    Parts follow one another, what a later chunk says beside them replaces. One chunk is parsed at a time.
    """
    first, *others = chunks
    if not others:
        yield first
        return
    artifact: dict[str, Any] = {}
    separator = b'{"parts":['
    for chunk in chunks:
        said: dict[str, Any] = orjson.loads(chunk)
        parts = orjson.dumps(said.pop("parts", []))[1:-1]
        artifact |= {name: value for name, value in said.items() if value is not None or name not in artifact}
        if parts:
            yield separator + parts
            separator = b","
    yield (b"]," if separator == b"," else separator + b"],") + orjson.dumps(artifact)[1:]


def _from_last_beginning(chunks: Sequence[ArtifactChunk]) -> list[bytes]:
    """Return an artifact's chunks without those that a later attempt replaced."""
    beginnings = [n for n, chunk in enumerate(chunks) if not chunk.append]
    return [chunk.body for chunk in chunks[max(beginnings, default=0) :]]


def _artifacts(chunks: Sequence[ArtifactChunk]) -> Iterator[list[bytes]]:
    """Yield each artifact's chunks, in the order of the first ones; chunks of several may be interleaved."""
    order = {artifact_id: n for n, artifact_id in reversed(list(enumerate(chunk.artifact_id for chunk in chunks)))}
    by_artifact = sorted(chunks, key=lambda chunk: order[chunk.artifact_id])
    for _, group in groupby(by_artifact, key=lambda chunk: chunk.artifact_id):
        yield _from_last_beginning(list(group))


def task_pieces(found: FoundTask) -> Iterator[bytes]:
    """Yield the task with `messages` and `artifacts`, piece by piece: it may be a hundred megabytes."""
    separator = found.body[:-1] + b',"messages":['
    for message in found.messages:
        yield separator + message
        separator = b","
    yield (b"" if found.messages else separator) + b'],"artifacts":['
    for number, chunks in enumerate(_artifacts(found.chunks)):
        if number:
            yield b","
        yield from artifact_pieces(chunks)
    yield b"]}"


def join_page(bodies: Sequence[bytes], next_cursor: str | None) -> bytes:
    """Return `{"data": […], "next_cursor": …, "has_more": …}`."""
    cursor = orjson.dumps(next_cursor)
    has_more = b"true" if next_cursor is not None else b"false"
    return b'{"data":' + _join_list(bodies) + b',"next_cursor":' + cursor + b',"has_more":' + has_more + b"}"
