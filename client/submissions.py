"""The calls of those who give tasks: one, many at once, or an ended one again; a part of `BureauClient`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from client.connection import Call, Connection, request
from client.content import Content, Message, as_user_message
from client.records import BatchItem, TaskReceipt

__all__ = ["SubmissionCalls", "TaskSubmission", "make_submission"]


class TaskSubmission(BaseModel):
    """A task to submit, for `submit_tasks`; `make_submission` makes one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: str
    message: Message
    context_id: str | None = None
    priority: int | None = None
    metadata: dict[str, JsonValue] | None = None
    reference_task_ids: tuple[str, ...] | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None


class _BatchAnswer(BaseModel):
    data: tuple[BatchItem, ...]


def make_submission(  # noqa: PLR0913 - the fields of a submission
    agent: str | UUID,
    message: Message | Content,
    *,
    context_id: str | None = None,
    priority: int | None = None,
    metadata: dict[str, JsonValue] | None = None,
    reference_task_ids: Sequence[str | UUID] = (),
    not_before: datetime | None = None,
    deadline: datetime | None = None,
) -> TaskSubmission:
    """Return a task to submit; see `BureauClient.submit_task` for what its fields mean."""
    fields = {
        "agent": str(agent),
        "message": as_user_message(message),
        "context_id": context_id,
        "priority": priority,
        "metadata": metadata,
        "reference_task_ids": tuple(map(str, reference_task_ids)) or None,
        "not_before": not_before,
        "deadline": deadline,
    }
    return TaskSubmission.model_validate({name: value for name, value in fields.items() if value is not None})


class SubmissionCalls:
    """Submit tasks."""

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
        not_before: datetime | None = None,
        deadline: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> TaskReceipt:
        """Give an agent (by name or id) a task; `priority` 0 to 9, higher goes first, 5 without one.

        No worker gets it earlier than `not_before`; where it is not over by `deadline`, in whatever state, it fails
        (both with a time zone). Give an `idempotency_key` of your own (an order number, say) where your program may be
        started again halfway: the same key never makes a second task.
        """
        submission = make_submission(
            agent,
            message,
            context_id=context_id,
            priority=priority,
            metadata=metadata,
            reference_task_ids=reference_task_ids,
            not_before=not_before,
            deadline=deadline,
        )
        body = submission.model_dump(mode="json", exclude_unset=True)
        call = Call("POST", "/tasks", body, idempotency_key=idempotency_key)
        return await request(self._connection, call, TaskReceipt)

    async def submit_tasks(
        self, submissions: Sequence[TaskSubmission], *, idempotency_key: str | None = None
    ) -> tuple[BatchItem, ...]:
        """Submit up to 1,000 tasks, at most 1 MiB, in one call; each item says what became of the task at its place.

        A call that broke off halfway is completed by sending it again with the same key: the client does so itself.
        """
        call = Call("POST", "/tasks/batch", {"tasks": tuple(submissions)}, idempotency_key=idempotency_key)
        return (await request(self._connection, call, _BatchAnswer)).data

    async def retry_task(self, task_id: UUID) -> TaskReceipt:
        """Make a new task from one that is over: same agent, message and context, with a reference to the old one.

        The old task stays as it ended; raises WrongStateError where it has not.
        """
        return await request(self._connection, Call("POST", f"/tasks/{task_id}/retry"), TaskReceipt)
