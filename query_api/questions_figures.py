"""What the routes of figures ask: sums over many tasks. Pure but for the find functions, called later, on a miss."""

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import Roots
from infrastructure.read_queries_figures import UsageFilter
from query_api.asking import Asker, answer_of, scope_of
from query_api.dependencies import QueryDependencies
from query_api.figures import render_context, render_usage
from query_api.pages import UsageParameters
from query_api.services import Question, Touched

__all__ = ["ask_context", "ask_usage"]


def ask_usage(asker: Asker, parameters: UsageParameters, dependencies: QueryDependencies) -> Question:
    """Ask for what was used, by all tasks or by those of an agent or a context."""
    filters = (parameters.agent_id, parameters.context_id)

    async def find() -> Answer:
        wanted = UsageFilter(asker.workspace_id, *filters)
        found = await dependencies.finds.usage(wanted)
        return answer_of(render_usage(wanted, found), found.covers)

    place = CachePlace(f"usage/{asker.workspace_id}", scope_of("usage", asker.workspace_id, filters))
    return Question(Roots("usage", None), place, find, asker.wish)


def ask_context(asker: Asker, context_id: str, dependencies: QueryDependencies) -> Question:
    """Ask how the tasks of a context stand."""

    async def find() -> Answer | None:
        found = await dependencies.finds.context(asker.workspace_id, context_id)
        return None if found is None else answer_of(render_context(context_id, found), found.covers)

    place = CachePlace(f"task_list/{asker.workspace_id}", scope_of("context", asker.workspace_id, [context_id]))
    touches = Touched(asker.workspace_id, None)
    return Question(Roots("tasks", None), place, find, asker.wish, touches=touches)
