"""Where a handler's reports, questions and requests go: a `BureauClient`, or a script in a test."""

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol
from uuid import UUID

from client.approval_records import ApprovalReceipt
from client.content import Artifact, Message, Usage
from client.lease_records import InputReceipt, Lease
from client.records import TaskReceipt

__all__ = ["Reports"]


class Reports(Protocol):
    """The calls that a handler makes through its `TaskContext`."""

    def report_progress(
        self,
        lease: Lease,
        *,
        fraction: float | None = None,
        message: Message | None = None,
        usage: Usage | None = None,
        idempotency_key: str | None = None,
    ) -> Coroutine[Any, Any, TaskReceipt | None]:
        """Take a progress report."""
        ...

    def append_artifact(
        self, lease: Lease, artifact: Artifact, *, append: bool = False, last_chunk: bool = True
    ) -> Coroutine[Any, Any, TaskReceipt | None]:
        """Take a chunk of an artifact."""
        ...

    def get_artifacts(self, task_id: UUID) -> Coroutine[Any, Any, tuple[Artifact, ...]]:
        """Return the artifacts so far."""
        ...

    def request_input(  # noqa: PLR0913 - the fields of a question
        self,
        lease: Lease,
        message: Message,
        *,
        request_id: UUID | None = None,
        answer_schema: Mapping[str, Any] | None = None,
        default: Message | None = None,
        expires_in_seconds: int | None = None,
        keeps_lease: bool = False,
    ) -> Coroutine[Any, Any, InputReceipt | None]:
        """Take a question."""
        ...

    def request_approval(
        self,
        lease: Lease,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        message: Message | None = None,
        keeps_lease: bool = False,
    ) -> Coroutine[Any, Any, ApprovalReceipt]:
        """Take the wish to do an operation."""
        ...

    def use_approval(
        self, lease: Lease, approval_id: UUID, operation: str, arguments: Mapping[str, Any]
    ) -> Coroutine[Any, Any, ApprovalReceipt]:
        """Take note that an operation is about to be done."""
        ...
