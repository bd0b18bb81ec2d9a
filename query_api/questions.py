"""What the routes of agents and tasks ask: a projection, one find function, and where the answer may be cached.

Pure but for the find functions, which are called later, on a miss. Not shared between processes: what is one
primary-key read, because that is as cheap as the shared cache itself (`docs/decisions/0004-query-cache.md`).
"""

from uuid import UUID

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import Roots
from infrastructure.read_queries import AgentFilter, TaskFilter
from query_api.asking import Asker, answer_in_pieces, answer_of, name_of, page_answer, page_place, scope_of, wanted_page
from query_api.dependencies import QueryDependencies
from query_api.joining import task_pieces
from query_api.pages import AgentListParameters, PageParameters, TaskListParameters
from query_api.services import Question, Touched

__all__ = ["ask_agent", "ask_agents", "ask_task", "ask_tasks", "ask_timeline"]


def ask_agents(asker: Asker, parameters: AgentListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of agents; raises InvalidCursorError."""
    wanted = wanted_page(scope_of("agents", asker.workspace_id, [parameters.status]), parameters, dependencies)

    async def find() -> Answer:
        wanted_agents = AgentFilter(asker.workspace_id, parameters.status)
        found = await dependencies.finds.agent_page(wanted_agents, wanted.after, wanted.limit)
        return page_answer(found, wanted, dependencies)

    place = page_place(f"agent_list/{asker.workspace_id}", wanted)
    return Question(Roots("agents", None), place, find, asker.wish)


def ask_agent(asker: Asker, agent_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for an agent with its card and its policy."""
    name = name_of(asker, agent_id)

    async def find() -> Answer | None:
        found = await dependencies.finds.agent_detail(name)
        return None if found is None else answer_of(*found)

    place = CachePlace(f"agent_detail/{agent_id}", asker.workspace_id)
    touches = Touched(asker.workspace_id, agent_id)
    return Question(Roots("agents", name.shard), place, find, asker.wish, is_shared=False, touches=touches)


def ask_tasks(asker: Asker, parameters: TaskListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of tasks; raises InvalidCursorError."""
    filters = (parameters.state, parameters.agent_id, parameters.context_id)
    wanted = wanted_page(scope_of("tasks", asker.workspace_id, filters), parameters, dependencies)

    async def find() -> Answer:
        found = await dependencies.finds.task_page(TaskFilter(asker.workspace_id, *filters), wanted.after, wanted.limit)
        return page_answer(found, wanted, dependencies)

    place = page_place(f"task_list/{asker.workspace_id}", wanted)
    return Question(Roots("tasks", None), place, find, asker.wish)


def ask_task(asker: Asker, task_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for a task with its messages and artifacts."""
    name = name_of(asker, task_id)

    async def find() -> Answer | None:
        found = await dependencies.finds.task_detail(name)
        return None if found is None else await answer_in_pieces(task_pieces(found), found.covers)

    place = CachePlace(f"task_detail/{task_id}", asker.workspace_id)
    touches = Touched(asker.workspace_id, task_id)
    return Question(Roots("task_detail", name.shard), place, find, asker.wish, touches=touches)


def ask_timeline(asker: Asker, task_id: UUID, parameters: PageParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of a task's changes; raises InvalidCursorError."""
    name = name_of(asker, task_id)
    wanted = wanted_page(scope_of("timeline", asker.workspace_id, [task_id]), parameters, dependencies)

    async def find() -> Answer | None:
        found = await dependencies.finds.timeline_page(name, wanted.after, wanted.limit)
        return None if found is None else page_answer(found, wanted, dependencies)

    place = page_place(f"task_timeline/{task_id}", wanted)
    touches = Touched(asker.workspace_id, task_id)
    return Question(Roots("task_timeline", name.shard), place, find, asker.wish, touches=touches)
