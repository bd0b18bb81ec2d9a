"""The calls of those who give tasks and follow them; a part of `BureauClient`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from pydantic import JsonValue

from client.connection import Call, Connection, iterate_pages, request
from client.content import Content, Message, TaskState, user_message
from client.records import Page, TaskDetail, TaskReceipt, TaskSummary, TaskTimelineEntry
from client.timeline import follow_timeline

__all__ = ["TaskCalls"]


class TaskCalls:
    """Submit, cancel, read and follow tasks."""

    _connection: Connection

    async def submit_task(  # noqa: PLR0913 - the fields of a submission
        self,
        agent: str | UUID,
        message: Message | Content,
        *,
        context_id: str | None = None,
        priority: int | None = None,
        metadata: dict[str, JsonValue] | None = None,
        reference_task_ids: Sequence[str | UUID] = (),
        idempotency_key: str | None = None,
    ) -> TaskReceipt:
        """Give an agent (by name or id) a task; `priority` 0 to 9, higher goes first, 5 without one.

        Give an `idempotency_key` of your own (an order number, say) where your program may be started again
        halfway: the same key never makes a second task.
        """
        body = {
            "agent": str(agent),
            "message": message if isinstance(message, Message) else user_message(message),
            "context_id": context_id,
            "priority": priority,
            "metadata": metadata,
            "reference_task_ids": tuple(map(str, reference_task_ids)) or None,
        }
        return await request(
            self._connection, Call("POST", "/tasks", body, idempotency_key=idempotency_key), TaskReceipt
        )

    async def cancel_task(self, task_id: UUID, *, reason: str | None = None) -> TaskReceipt:
        """Stop a task at once, also one that a worker is doing; raises WrongStateError where it is over."""
        return await request(
            self._connection, Call("POST", f"/tasks/{task_id}/cancel", {"reason": reason}), TaskReceipt
        )

    async def get_task(self, task_id: UUID) -> TaskDetail:
        """Return a task with its messages and artifacts; raises NotFoundError."""
        return await request(self._connection, Call("GET", f"/tasks/{task_id}"), TaskDetail)

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
