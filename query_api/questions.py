"""What each route asks: a projection, one find function, and the place in the cache where the answer may be.

Pure but for the find functions, which are called later, on a miss. Not shared between processes: what is one
primary-key read, because that is as cheap as the shared cache itself (`docs/decisions/0004-query-cache.md`).
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import orjson

from contracts.streams import Token, shard_of
from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.cursors import open_cursor, seal_cursor
from infrastructure.local_answers import Roots
from infrastructure.read_queries import AgentFilter, FoundPage, RowName, SortKey, TaskFilter
from query_api.dependencies import QueryDependencies
from query_api.joining import join_page, join_task
from query_api.pages import AgentListParameters, PageParameters, TaskListParameters
from query_api.services import Question
from query_api.wishes import Wish

__all__ = ["Asker", "ask_agent", "ask_agents", "ask_task", "ask_tasks", "ask_timeline"]

_DIGEST_BYTES = 16


class Asker(NamedTuple):
    """In which workspace somebody asks, what the request wishes, and over how many shards the roots are spread."""

    workspace_id: str
    wish: Wish
    shards: int


class _PageWanted(NamedTuple):
    """A page of a list: `scope` names list, workspace and filters, and is what a cursor is bound to."""

    scope: str
    after: SortKey | None
    limit: int


def _digest(content: bytes) -> str:
    """Return 128 bits of BLAKE2b in hexadecimal."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _scope(route: str, workspace_id: str, filters: Sequence[str | UUID | None]) -> str:
    """Return the name of a list as somebody sees it."""
    return orjson.dumps([route, workspace_id, *filters]).decode()


def _answer(body: bytes, covers: Token | None, next_cursor: str | None = None) -> Answer:
    """Return the answer of finished bytes; its ETag is strong, as it names these bytes."""
    return Answer(body, f'"{_digest(body)}"', covers, next_cursor)


def _wanted_page(scope: str, parameters: PageParameters, dependencies: QueryDependencies) -> _PageWanted:
    """Return the page that parameters ask for; raises InvalidCursorError."""
    raw = parameters.to_raw_params()
    cursor = None if raw.cursor is None else open_cursor(dependencies.cursor_key, scope, str(raw.cursor))
    return _PageWanted(scope, None if cursor is None else tuple(cursor), raw.size)


def _page_place(tag: str, wanted: _PageWanted) -> CachePlace:
    """Return where a page may be kept."""
    return CachePlace(tag, _digest(orjson.dumps([wanted.scope, wanted.after, wanted.limit])))


def _page_answer(found: FoundPage, wanted: _PageWanted, dependencies: QueryDependencies) -> Answer:
    """Return the answer of a page."""
    next_cursor = None if found.last is None else seal_cursor(dependencies.cursor_key, wanted.scope, found.last)
    return _answer(join_page(found.bodies, next_cursor), found.covers, next_cursor)


def _name(asker: Asker, row_id: UUID) -> RowName:
    """Return what names a row of one root."""
    return RowName(shard_of(row_id, asker.shards), asker.workspace_id, row_id)


def ask_agents(asker: Asker, parameters: AgentListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of agents; raises InvalidCursorError."""
    wanted = _wanted_page(_scope("agents", asker.workspace_id, [parameters.status]), parameters, dependencies)

    async def find() -> Answer:
        wanted_agents = AgentFilter(asker.workspace_id, parameters.status)
        found = await dependencies.finds.agent_page(wanted_agents, wanted.after, wanted.limit)
        return _page_answer(found, wanted, dependencies)

    place = _page_place(f"agent_list/{asker.workspace_id}", wanted)
    return Question(Roots("agents", None), place, find, asker.wish)


def ask_agent(asker: Asker, agent_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for an agent with its card and its policy."""
    name = _name(asker, agent_id)

    async def find() -> Answer | None:
        found = await dependencies.finds.agent_detail(name)
        return None if found is None else _answer(*found)

    place = CachePlace(f"agent_detail/{agent_id}", asker.workspace_id)
    return Question(Roots("agents", name.shard), place, find, asker.wish, is_shared=False)


def ask_tasks(asker: Asker, parameters: TaskListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of tasks; raises InvalidCursorError."""
    filters = (parameters.state, parameters.agent_id, parameters.context_id)
    wanted = _wanted_page(_scope("tasks", asker.workspace_id, filters), parameters, dependencies)

    async def find() -> Answer:
        found = await dependencies.finds.task_page(TaskFilter(asker.workspace_id, *filters), wanted.after, wanted.limit)
        return _page_answer(found, wanted, dependencies)

    place = _page_place(f"task_list/{asker.workspace_id}", wanted)
    return Question(Roots("tasks", None), place, find, asker.wish)


def ask_task(asker: Asker, task_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for a task with its messages and artifacts."""
    name = _name(asker, task_id)

    async def find() -> Answer | None:
        found = await dependencies.finds.task_detail(name)
        return None if found is None else _answer(join_task(found), found.covers)

    place = CachePlace(f"task_detail/{task_id}", asker.workspace_id)
    return Question(Roots("task_detail", name.shard), place, find, asker.wish)


def ask_timeline(asker: Asker, task_id: UUID, parameters: PageParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of a task's changes; raises InvalidCursorError."""
    name = _name(asker, task_id)
    wanted = _wanted_page(_scope("timeline", asker.workspace_id, [task_id]), parameters, dependencies)

    async def find() -> Answer | None:
        found = await dependencies.finds.timeline_page(name, wanted.after, wanted.limit)
        return None if found is None else _page_answer(found, wanted, dependencies)

    place = _page_place(f"task_timeline/{task_id}", wanted)
    return Question(Roots("task_timeline", name.shard), place, find, asker.wish)
