"""The calls of those who follow tasks, talk with their workers or stop them; a part of `BureauClient`."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

from client.budget_records import ContextSummary
from client.connection import Call, Connection, iterate_pages, request
from client.content import Artifact, Content, Message, TaskState, as_user_message
from client.records import CanceledTasks, Page, TaskDetail, TaskReceipt, TaskSummary, TaskTimelineEntry
from client.timeline import follow_timeline

__all__ = ["TaskCalls"]


class TaskCalls:
    """Read, follow, talk to and cancel tasks."""

    _connection: Connection

    async def cancel_task(self, task_id: UUID, *, reason: str | None = None) -> TaskReceipt:
        """Stop a task at once, also one that a worker is doing; raises WrongStateError where it is over."""
        return await request(
            self._connection, Call("POST", f"/tasks/{task_id}/cancel", {"reason": reason}), TaskReceipt
        )

    async def cancel_tasks(
        self,
        *,
        context_id: str | None = None,
        agent: str | UUID | None = None,
        state: TaskState | None = None,
        reason: str | None = None,
    ) -> CanceledTasks:
        """Cancel every open task that fits all that is given; at least one of context, agent and state must be."""
        chosen = None if agent is None else str(agent)
        body = {"context_id": context_id, "agent": chosen, "state": state, "reason": reason}
        return await request(self._connection, Call("POST", "/tasks/cancel", body), CanceledTasks)

    async def cancel_context(self, context_id: str, *, reason: str | None = None) -> CanceledTasks:
        """Cancel all open tasks of a context."""
        path = f"/contexts/{quote(context_id, safe='')}/cancel"
        return await request(self._connection, Call("POST", path, {"reason": reason}), CanceledTasks)

    async def get_context(self, context_id: str) -> ContextSummary:
        """Return how the tasks of a context stand; raises NotFoundError where it has none."""
        call = Call("GET", f"/contexts/{quote(context_id, safe='')}")
        return await request(self._connection, call, ContextSummary)

    async def add_message(self, task_id: UUID, message: Message | Content) -> TaskReceipt:
        """Say something more to the task's worker, which gets it in order; it answers no question."""
        call = Call("POST", f"/tasks/{task_id}/messages", {"message": as_user_message(message)})
        return await request(self._connection, call, TaskReceipt)

    async def provide_input(
        self, task_id: UUID, answer: Message | Content, *, request_id: UUID | None = None
    ) -> TaskReceipt:
        """Answer what the task's worker asked; with `request_id` only that question.

        Raises InvalidRequestError, whose details name the places, where the answer does not fit the question's schema
        (then it has one data part: give a record or a mapping), and ConflictError where nothing is asked.
        """
        body = {"message": as_user_message(answer), "request_id": None if request_id is None else str(request_id)}
        return await request(self._connection, Call("POST", f"/tasks/{task_id}/input", body), TaskReceipt)

    async def get_task(self, task_id: UUID) -> TaskDetail:
        """Return a task with its messages and artifacts; raises NotFoundError."""
        return await request(self._connection, Call("GET", f"/tasks/{task_id}"), TaskDetail)

    async def get_artifacts(self, task_id: UUID) -> tuple[Artifact, ...]:
        """Return the artifacts of a task so far, chunks joined; raises NotFoundError."""
        return (await self.get_task(task_id)).artifacts

    async def list_tasks(
        self,
        *,
        state: TaskState | None = None,
        agent_id: UUID | None = None,
        context_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[TaskSummary]:
        """Return one page of tasks, the newest first."""
        parameters = {
            "state": state, "agent_id": agent_id, "context_id": context_id, "limit": limit, "cursor": cursor
        }  # fmt: skip
        return await request(self._connection, Call("GET", "/tasks", parameters=parameters), Page[TaskSummary])

    def iterate_tasks(
        self, *, state: TaskState | None = None, agent_id: UUID | None = None, context_id: str | None = None
    ) -> AsyncIterator[TaskSummary]:
        """Yield all tasks, the newest first, page by page."""
        return iterate_pages(
            lambda cursor: self.list_tasks(state=state, agent_id=agent_id, context_id=context_id, cursor=cursor)
        )

    async def list_timeline(
        self, task_id: UUID, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[TaskTimelineEntry]:
        """Return one page of a task's changes, the oldest first; raises NotFoundError."""
        call = Call("GET", f"/tasks/{task_id}/timeline", parameters={"limit": limit, "cursor": cursor})
        return await request(self._connection, call, Page[TaskTimelineEntry])

    def iterate_timeline(self, task_id: UUID) -> AsyncIterator[TaskTimelineEntry]:
        """Yield the changes so far, the oldest first; `follow` also yields those to come."""
        return iterate_pages(lambda cursor: self.list_timeline(task_id, cursor=cursor))

    def follow(self, task_id: UUID) -> AsyncIterator[TaskTimelineEntry]:
        """Yield every change of a task from its first on, as it comes, and end after the one that ends the task.

        Each change comes exactly once and in order. Raises NotFoundError; wrap it in `asyncio.timeout` to give up.

            async for entry in client.follow(receipt.task_id):
                print(entry.generation, entry.type)
        """
        return follow_timeline(self._connection, task_id)

    async def wait_for_task(self, task_id: UUID) -> TaskDetail:
        """Return the task once it has ended, however; wrap it in `asyncio.timeout` to give up."""
        generations = [entry.generation async for entry in self.follow(task_id)]
        while (task := await self.get_task(task_id)).generation < generations[-1]:
            await asyncio.sleep(0.05)  # the timeline and the detail are read models of their own
        return task
