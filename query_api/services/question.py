"""A question, as the line takes it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import Roots
from query_api.wishes import Wish

__all__ = ["Find", "Question"]

type Find = Callable[[], Coroutine[Any, Any, Answer | None]]
"""Makes the answer from the read model; None where there is no such thing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: what the answer is made of, where it may be kept, and how to find it.

    `is_shared` false keeps it in this process only, where a shared cache would cost as much as the database.
    """

    roots: Roots
    place: CachePlace
    find: Find
    wish: Wish
    is_shared: bool = True
