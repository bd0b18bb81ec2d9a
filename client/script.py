"""A handler's other side in a test: takes its reports and answers its questions from a script."""

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from client.approval_records import ApprovalReceipt, ApprovalStatus
from client.content import Artifact, Content, Message, Usage, as_user_message, data_part, user_message
from client.errors import ConflictError, make_api_error
from client.handlers import TaskFailedError, TaskRejectedError
from client.lease_records import AnswerNote, Heartbeat, Lease
from client.task_context import TaskContext

__all__ = ["HandlerRun", "Operation", "ProgressReport", "Question", "ScriptedReports"]


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """One progress report: a fraction (0 to 1), words, or both."""

    fraction: float | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a handler asked, and the schema that the answer was to fit."""

    text: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a handler wished to do, how it was decided, and whether it made use of that."""

    operation: str
    arguments: Mapping[str, Any]
    status: ApprovalStatus
    is_used: bool


@dataclass(frozen=True, slots=True)
class HandlerRun:
    """What a handler did. `artifacts` have their chunks joined; `failure` or `rejection` is set where it raised one."""

    progress: tuple[ProgressReport, ...]
    artifacts: tuple[Artifact, ...]
    usage: tuple[Usage, ...]
    questions: tuple[Question, ...]
    operations: tuple[Operation, ...]
    result: Message | None
    failure: TaskFailedError | None = None
    rejection: TaskRejectedError | None = None


class ScriptedReports:
    """Takes reports as the client does, and keeps them; `lease` is the task as the next run would lease it."""

    context: TaskContext

    def __init__(
        self,
        lease: Lease,
        answers: Sequence[Message | Content],
        decisions: Sequence[ApprovalStatus],
        artifacts: Sequence[Artifact],
    ) -> None:
        self.lease = lease
        self.usage: list[Usage] = []
        self._progress: list[ProgressReport] = []
        self._artifacts = {artifact.artifact_id: artifact for artifact in artifacts}
        self._questions: list[Question] = []
        self._operations: dict[UUID, Operation] = {}
        self._answers = deque(answers)
        self._decisions = deque(decisions)

    def result(self, result: Message | None, ending: TaskFailedError | TaskRejectedError | None) -> HandlerRun:
        """Return all that was done."""
        return HandlerRun(
            progress=tuple(self._progress),
            artifacts=tuple(self._artifacts.values()),
            usage=tuple(self.usage),
            questions=tuple(self._questions),
            operations=tuple(self._operations.values()),
            result=result,
            failure=ending if isinstance(ending, TaskFailedError) else None,
            rejection=ending if isinstance(ending, TaskRejectedError) else None,
        )

    async def report_progress(
        self,
        lease: Lease,  # noqa: ARG002 - as the client has it
        *,
        fraction: float | None = None,
        message: Message | None = None,
        usage: Usage | None = None,
        idempotency_key: str | None = None,  # noqa: ARG002 - as the client has it
    ) -> None:
        """Keep a progress report."""
        if fraction is not None or message is not None:
            self._progress.append(ProgressReport(fraction, None if message is None else message.text))
        if usage is not None:
            self.usage.append(usage)

    async def append_artifact(
        self,
        lease: Lease,  # noqa: ARG002 - as the client has it
        artifact: Artifact,
        *,
        append: bool = False,
        last_chunk: bool = True,  # noqa: ARG002 - as the client has it
    ) -> None:
        """Keep an artifact, or add a chunk to it."""
        known = self._artifacts[artifact.artifact_id] if append else None
        joined = known.model_copy(update={"parts": known.parts + artifact.parts}) if known else artifact
        self._artifacts[artifact.artifact_id] = joined

    async def get_artifacts(self, task_id: UUID) -> tuple[Artifact, ...]:  # noqa: ARG002 - as the client has it
        """Return the artifacts of earlier attempts and of this one."""
        return tuple(self._artifacts.values())

    async def request_input(  # noqa: PLR0913 - as the client has it
        self,
        lease: Lease,  # noqa: ARG002 - as the client has it
        message: Message,
        *,
        request_id: UUID | None = None,
        answer_schema: Mapping[str, Any] | None = None,
        default: Message | None = None,
        expires_in_seconds: int | None = None,  # noqa: ARG002 - as the client has it
        keeps_lease: bool = False,
    ) -> None:
        """Answer with the next of the script's answers, or the default."""
        self._questions.append(Question(message.text, answer_schema))
        answer = self._answers.popleft() if self._answers else default
        if answer is None:
            raise LookupError(f"the handler asks {message.text!r}, and run_handler was given no answer to it")
        said = as_user_message(answer)
        fields = {"request_id": request_id or uuid.uuid4(), "kind": "input"}
        self._hand_over(said, fields, keeps_lease=keeps_lease)

    async def request_approval(
        self,
        lease: Lease,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        message: Message | None = None,  # noqa: ARG002 - as the client has it
        keeps_lease: bool = False,
    ) -> ApprovalReceipt:
        """Decide as the script says next."""
        if not self._decisions:
            raise LookupError(f"the handler wishes to do {operation}, and run_handler was given no decision on it")
        status = self._decisions.popleft()
        approval_id = uuid.uuid4()
        self._operations[approval_id] = Operation(operation, arguments, status, is_used=False)
        if status == "not_required":
            return ApprovalReceipt(approval_id=None, status=status, task_id=lease.task_id)
        said = user_message(data_part({"approval_id": str(approval_id), "status": status}))
        fields = {"request_id": approval_id, "kind": "approval", "status": status}
        self._hand_over(said, fields, keeps_lease=keeps_lease)
        return ApprovalReceipt(approval_id=approval_id, status="pending", task_id=lease.task_id)

    async def use_approval(
        self, lease: Lease, approval_id: UUID, operation: str, arguments: Mapping[str, Any]
    ) -> ApprovalReceipt:
        """Check and note the use, as the service does."""
        known = self._operations[approval_id]
        if (known.operation, known.arguments) != (operation, arguments):
            raise _conflict("other_operation")
        if known.status != "approved":
            raise _conflict("not_approved")
        if known.is_used:
            raise _conflict("approval_used")
        self._operations[approval_id] = Operation(operation, arguments, known.status, is_used=True)
        return ApprovalReceipt(approval_id=approval_id, status="approved", task_id=lease.task_id, is_used=True)

    def _hand_over(self, message: Message, fields: Mapping[str, Any], *, keeps_lease: bool) -> None:
        """Put an answer behind the other messages, and into the hands of a handler that waits for it."""
        note = AnswerNote.model_validate({**fields, "ordinal": len(self.lease.messages) + 1})
        update = {"messages": (*self.lease.messages, message), "answers": (*self.lease.answers, note)}
        self.lease = self.lease.model_copy(update=update)
        if keeps_lease:
            told = {**self.lease.model_dump(), "state": "working", "messages": (message,), "answers": (note,)}
            self.context.receive(Heartbeat.model_validate(told))


def _conflict(code: str) -> ConflictError:
    error = make_api_error(409, f'{{"error": {{"code": "{code}", "message": "{code}"}}}}'.encode())
    assert isinstance(error, ConflictError)  # noqa: S101 - 409 is a conflict
    return error
