"""A question, as the line takes it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from infrastructure.answer_cache import Answer, CachePlace
from query_api.wishes import Wish

__all__ = ["Find", "Question"]

type Find = Callable[[], Coroutine[Any, Any, Answer | None]]
"""Makes the answer from the read model; None where there is no such thing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and of which projection; `place` is None where caching does not pay."""

    projection: str
    find: Find
    place: CachePlace | None
    wish: Wish
