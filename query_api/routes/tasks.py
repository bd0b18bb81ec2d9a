"""Reading tasks: the list, newest first, one task with its content, and its timeline."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from contracts.views import TaskSummary, TaskTimelineEntry
from infrastructure.web.authentication import CurrentPrincipal
from query_api.documentation import Described, add_query
from query_api.edge import answer_request
from query_api.examples import TASK_EXAMPLE, TASKS_EXAMPLE, TIMELINE_EXAMPLE
from query_api.pages import Page, PageParameters, Parameters, TaskListParameters, TaskWithContent
from query_api.questions import ask_task, ask_tasks, ask_timeline

__all__ = ["get_task", "list_tasks", "list_timeline", "tasks_router"]


async def list_tasks(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[TaskListParameters, Query()]
) -> Response:
    """Tasks of the workspace, newest first, a page at a time; filters combine."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_tasks(asker, parameters, ports), parameters.consistency
    )


async def get_task(
    request: Request, principal: CurrentPrincipal, task_id: UUID, parameters: Annotated[Parameters, Query()]
) -> Response:
    """One task with its status, its messages, its artifacts and what it cost so far."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_task(asker, task_id, ports), parameters.consistency
    )


async def list_timeline(
    request: Request, principal: CurrentPrincipal, task_id: UUID, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Every visible change of a task, oldest first, a page at a time: generations 1, 2, 3… without gaps."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_timeline(asker, task_id, parameters, ports), parameters.consistency
    )


def tasks_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["tasks"])
    add_query(router, "/tasks", list_tasks, Described(Page[TaskSummary], "List tasks", TASKS_EXAMPLE))
    add_query(router, "/tasks/{task_id}", get_task, Described(TaskWithContent, "Get a task", TASK_EXAMPLE))
    timeline = Described(Page[TaskTimelineEntry], "List a task's changes", TIMELINE_EXAMPLE)
    add_query(router, "/tasks/{task_id}/timeline", list_timeline, timeline)
    return router
