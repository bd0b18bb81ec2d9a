"""A question, as the line takes it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import Roots
from infrastructure.read_versions import ReadVersion
from query_api.wishes import Wish

__all__ = ["Find", "Question", "Touched", "at_version", "cache_name"]

type Find = Callable[[], Coroutine[Any, Any, Answer | None]]
"""Makes the answer from the read model; None where there is no such thing."""


class Touched(NamedTuple):
    """A root of a workspace; None for any of them."""

    workspace_id: str
    root_id: UUID | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: what the answer is made of, where it may be kept, and how to find it.

    `is_shared` false keeps it in this process only, where a shared cache would cost as much as the database. `touches`
    is what may be parked where nothing is found; None where there always is an answer.
    """

    roots: Roots
    place: CachePlace
    find: Find
    wish: Wish
    is_shared: bool = True
    touches: Touched | None = None


def at_version(question: Question, version: int) -> Question:
    """Return the question of a version of its read model: what is kept of another version is no answer to it."""
    place = question.place
    tag = ReadVersion(question.roots.projection, version).qualify(place.tag)
    return replace(question, place=place._replace(tag=tag), roots=question.roots._replace(version=version))


def cache_name(question: Question) -> str:
    """Return the name that the applied positions of the question's version have in the shared cache."""
    roots = question.roots
    return ReadVersion(roots.projection, roots.version).qualify(roots.projection)
