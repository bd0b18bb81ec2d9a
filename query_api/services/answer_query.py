"""The line's last step: consistency token? wait → read through the cache around one find function.

Reads read models through the ports of `QueryDependencies`. Never writes anything but cache entries, never decides.
A new query is a new `Question`; this function does not change.
"""

from collections.abc import Mapping
from typing import NamedTuple

from contracts.streams import EntryId, Token
from infrastructure.answer_cache import Answer
from query_api.dependencies import QueryDependencies
from query_api.services.question import Question
from query_api.services.read_through import is_enough, read_through

__all__ = ["Outcome", "StaleAnswerError", "answer_query"]


class Outcome(NamedTuple):
    """An answer, None where there is no such thing, and whether it may be older than the question's token.

    `is_parked`: it is, for something that it is made of is a dead letter.
    """

    answer: Answer | None
    is_stale: bool
    is_parked: bool = False


class StaleAnswerError(Exception):
    """The projection did not reach the token in time, or left something out, and the question is strict."""

    def __init__(self, *, is_parked: bool) -> None:
        """Keep why: waiting longer helps only where nothing is parked."""
        super().__init__()
        self.is_parked = is_parked


async def answer_query(question: Question, dependencies: QueryDependencies) -> Outcome:
    """Return the answer; raises StaleAnswerError, UnknownPositionError and LostPositionError."""
    token = question.wish.token
    outcome = await (_answer(question, dependencies) if token is None else _cover(token, question, dependencies))
    if outcome.is_stale and question.wish.is_strict:
        raise StaleAnswerError(is_parked=outcome.is_parked)
    return outcome


async def _answer(question: Question, dependencies: QueryDependencies) -> Outcome:
    """Answer with what there is; stale only where something of it is parked."""
    answer = await read_through(question, {}, dependencies)
    return await _tell_parked(Outcome(answer, is_stale=False), question, dependencies)


async def _cover(token: Token, question: Question, dependencies: QueryDependencies) -> Outcome:
    """Answer so that the token is covered, where that is to be had in time."""
    targets = await dependencies.resolve_token(token)
    outcome = await _answer_current(question, targets, dependencies)
    if not outcome.is_stale and not is_enough(outcome.answer, targets):
        return await _answer_again(outcome, question, targets, dependencies)
    return await _tell_parked(outcome, question, dependencies)


async def _answer_again(
    before: Outcome, question: Question, targets: Mapping[int, EntryId], dependencies: QueryDependencies
) -> Outcome:
    """Answer anew: there is no such thing, or a crash of PostgreSQL took back what was applied: ask where it is now.

    What is parked is asked for first: what is released in between, the answer has.
    """
    dependencies.distrust(question.roots.projection, targets)
    was_parked = before.answer is None and await _is_parked(question, dependencies)
    outcome = await _answer_current(question, targets, dependencies)
    if outcome.answer is None:
        return outcome._replace(is_stale=outcome.is_stale or was_parked, is_parked=was_parked)
    is_older = not is_enough(outcome.answer, targets) or outcome.answer.is_parked
    return outcome._replace(is_stale=outcome.is_stale or is_older, is_parked=outcome.answer.is_parked)


async def _tell_parked(outcome: Outcome, question: Question, dependencies: QueryDependencies) -> Outcome:
    """Return an outcome that says stale where something that it is made of is parked."""
    answer = outcome.answer
    is_parked = await _is_parked(question, dependencies) if answer is None else answer.is_parked
    return outcome._replace(is_stale=True, is_parked=True) if is_parked else outcome


async def _is_parked(question: Question, dependencies: QueryDependencies) -> bool:
    """Tell whether what was asked for is missing because it is parked."""
    if question.touches is None:
        return False
    return await dependencies.find_parked(question.roots.projection, *question.touches)


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
