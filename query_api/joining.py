"""Putting finished pieces of JSON together, without parsing what need not be parsed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson

from infrastructure.read_queries import ArtifactChunk, FoundTask

__all__ = ["join_artifact", "join_page", "join_task"]


def _join_list(items: Iterable[bytes]) -> bytes:
    """Return a JSON array of finished items."""
    return b"[" + b",".join(items) + b"]"


def _merge(artifact: Mapping[str, Any], chunk: Mapping[str, Any]) -> dict[str, Any]:
    """Return an artifact with one more chunk: parts follow, what the chunk says beside them replaces."""
    said = {name: value for name, value in chunk.items() if value is not None}
    return {**artifact, **said, "parts": [*artifact.get("parts", ()), *chunk.get("parts", ())]}


def join_artifact(chunks: Sequence[bytes]) -> bytes:
    """Return the artifact that these chunks make, oldest first; a single chunk is the artifact."""
    first, *others = chunks
    if not others:
        return first
    artifact: dict[str, Any] = orjson.loads(first)
    for chunk in others:
        artifact = _merge(artifact, orjson.loads(chunk))
    return orjson.dumps(artifact)


def _from_last_beginning(chunks: Sequence[ArtifactChunk]) -> list[bytes]:
    """Return an artifact's chunks without those that a later attempt replaced."""
    beginnings = [n for n, chunk in enumerate(chunks) if not chunk.append]
    return [chunk.body for chunk in chunks[max(beginnings, default=0) :]]


def _join_artifacts(chunks: Sequence[ArtifactChunk]) -> list[bytes]:
    """Return the artifacts in the order of their first chunks; chunks of several may be interleaved."""
    order = {artifact_id: n for n, artifact_id in reversed(list(enumerate(chunk.artifact_id for chunk in chunks)))}
    by_artifact = sorted(chunks, key=lambda chunk: order[chunk.artifact_id])
    groups = groupby(by_artifact, key=lambda chunk: chunk.artifact_id)
    return [join_artifact(_from_last_beginning(list(group))) for _, group in groups]


def join_task(found: FoundTask) -> bytes:
    """Return the task with `messages` and `artifacts`."""
    messages, artifacts = _join_list(found.messages), _join_list(_join_artifacts(found.chunks))
    return found.body[:-1] + b',"messages":' + messages + b',"artifacts":' + artifacts + b"}"


def join_page(bodies: Sequence[bytes], next_cursor: str | None) -> bytes:
    """Return `{"data": […], "next_cursor": …, "has_more": …}`."""
    cursor = orjson.dumps(next_cursor)
    has_more = b"true" if next_cursor is not None else b"false"
    return b'{"data":' + _join_list(bodies) + b',"next_cursor":' + cursor + b',"has_more":' + has_more + b"}"
