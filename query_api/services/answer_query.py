"""The line's last step: consistency token? wait → read through the cache around one find function.

Reads read models through the ports of `QueryDependencies`. Never writes anything but cache entries, never decides.
A new query is a new `Question`; this function does not change.
"""

from collections.abc import Mapping
from typing import NamedTuple

from contracts.streams import EntryId
from infrastructure.answer_cache import Answer
from query_api.dependencies import QueryDependencies
from query_api.services.question import Question
from query_api.services.read_through import is_enough, read_through

__all__ = ["Outcome", "StaleAnswerError", "answer_query"]


class Outcome(NamedTuple):
    """An answer, None where there is no such thing, and whether it may be older than the question's token."""

    answer: Answer | None
    is_stale: bool


class StaleAnswerError(Exception):
    """The projection did not reach the token in time, and the question is strict."""


async def answer_query(question: Question, dependencies: QueryDependencies) -> Outcome:
    """Return the answer; raises StaleAnswerError, UnknownPositionError and LostPositionError."""
    wish = question.wish
    if wish.token is None:
        return Outcome(await read_through(question, {}, dependencies), is_stale=False)
    targets = await dependencies.resolve_token(wish.token)
    outcome = await _answer_current(question, targets, dependencies)
    if not outcome.is_stale and not is_enough(outcome.answer, targets):
        # Either there is no such thing, or a crash of PostgreSQL took back what had been applied: ask where it is now.
        dependencies.distrust(question.roots.projection, targets)
        outcome = await _answer_current(question, targets, dependencies)
        is_older = outcome.answer is not None and not is_enough(outcome.answer, targets)
        outcome = outcome._replace(is_stale=outcome.is_stale or is_older)
    if outcome.is_stale and wish.is_strict:
        raise StaleAnswerError
    return outcome


async def _answer_current(
    question: Question, targets: Mapping[int, EntryId], dependencies: QueryDependencies
) -> Outcome:
    """Wait for the targets, then read; a strict question is not read where it waited in vain."""
    wish = question.wish
    is_current = await dependencies.wait_until_applied(question.roots.projection, targets, wish.wait_seconds)
    if not is_current and wish.is_strict:
        return Outcome(None, is_stale=True)
    answer = await read_through(question, targets if is_current else {}, dependencies)
    return Outcome(answer, is_stale=not is_current)
