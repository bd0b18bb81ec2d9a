"""Everything that the query line needs from outside, as typed callables; a test replaces what it likes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.answer_cache import Answer, AnswerCache, CachePlace
from infrastructure.cursors import CursorKey
from infrastructure.dead_letters import DeadLetter, DeadLetterFilter, ParkedEventRow
from infrastructure.epochs import ResolveToken
from infrastructure.local_answers import LocalAnswers
from infrastructure.read_queries import AgentFilter, FoundTask, TaskFilter
from infrastructure.read_queries_approvals import ApprovalFilter, BudgetFilter
from infrastructure.read_queries_figures import FoundContext, FoundUsage, UsageFilter
from infrastructure.read_statements import FoundPage, FoundView, RowName, SortKey

__all__ = ["Distrust", "FindParked", "Finds", "Flights", "QueryDependencies", "WaitUntilApplied"]

type After = SortKey | None
type WaitUntilApplied = Callable[[str, Mapping[int, EntryId], float], Awaitable[bool]]
"""Takes projection, targets by shard and seconds; tells whether the projection passed them in time."""
type Distrust = Callable[[str, Iterable[int]], None]
"""Takes a projection and shards whose known positions proved wrong: the next wait asks the database."""
type FindParked = Callable[[str, str, UUID | None], Awaitable[bool]]
"""Takes a projection, a workspace and a root, or None for any; tells whether it is parked."""
type Flights = dict[CachePlace, asyncio.Task[Answer | None]]
"""The answers that are being made in this process."""


@dataclass(frozen=True, slots=True)
class Finds:
    """The find functions, one a question; a page is named by what is listed, the key it follows, and its limit."""

    agent_page: Callable[[AgentFilter, After, int], Awaitable[FoundPage]]
    agent_detail: Callable[[RowName], Awaitable[FoundView | None]]
    task_page: Callable[[TaskFilter, After, int], Awaitable[FoundPage]]
    task_detail: Callable[[RowName], Awaitable[FoundTask | None]]
    timeline_page: Callable[[RowName, After, int], Awaitable[FoundPage | None]]
    approval_page: Callable[[ApprovalFilter, After, int], Awaitable[FoundPage]]
    approval_detail: Callable[[str, UUID], Awaitable[FoundView | None]]
    budget_page: Callable[[BudgetFilter, After, int], Awaitable[FoundPage]]
    budget: Callable[[RowName], Awaitable[FoundView | None]]
    dead_letters: Callable[[DeadLetterFilter, UUID | None, int], Awaitable[list[DeadLetter]]]
    dead_letter: Callable[[str, UUID], Awaitable[tuple[DeadLetter, list[ParkedEventRow]] | None]]
    usage: Callable[[UsageFilter], Awaitable[FoundUsage]]
    context: Callable[[str, str], Awaitable[FoundContext | None]]


@dataclass(frozen=True, slots=True)
class QueryDependencies:
    """The ports of the query line, and the number of shards and the cursors' key of this installation.

    `serving_version` is what this process believes of a projection: the find functions learn better by themselves.
    """

    finds: Finds
    local: LocalAnswers
    cache: AnswerCache
    resolve_token: ResolveToken
    wait_until_applied: WaitUntilApplied
    distrust: Distrust
    find_parked: FindParked
    flights: Flights
    shards: Callable[[], Awaitable[int]]
    serving_version: Callable[[str], int]
    cursor_key: CursorKey
