"""The calls of workers; a part of `BureauClient`. `Worker` makes them for you."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from client.approval_records import ApprovalReceipt
from client.connection import Call, Connection, request
from client.content import Artifact, Message, Usage
from client.lease_records import Heartbeat, InputReceipt, Lease
from client.records import TaskReceipt

__all__ = ["LeaseCalls"]


class _LeaseAnswer(BaseModel):
    data: tuple[Lease, ...]


class LeaseCalls:
    """Lease tasks and report on them. Every report may raise LeaseLostError or WrongStateError: then stop working."""

    _connection: Connection

    async def lease_tasks(  # noqa: PLR0913 - the fields of a request
        self,
        agents: Sequence[str | UUID],
        *,
        worker: str,
        max_tasks: int = 1,
        lease_seconds: int | None = None,
        wait_seconds: int = 0,
        idempotency_key: str | None = None,
    ) -> tuple[Lease, ...]:
        """Take up to `max_tasks` (1 to 100) tasks of these agents (names or ids); an empty answer means no work.

        `wait_seconds` 0 to 30 lets the service wait for work; without `lease_seconds` the agent's policy decides. Under
        the same `idempotency_key` the answer is the same, where there was one, however long this call would wait.
        """
        body = {
            "agents": tuple(map(str, agents)),
            "worker": worker,
            "max_tasks": max_tasks,
            "lease_seconds": lease_seconds,
            "wait_seconds": wait_seconds,
        }
        call = Call("POST", "/leases", body, idempotency_key=idempotency_key, wait_seconds=wait_seconds)
        return (await request(self._connection, call, _LeaseAnswer)).data

    async def send_heartbeat(
        self, lease: Lease, *, lease_seconds: int | None = None, received: int | None = None
    ) -> Heartbeat:
        """Renew the lease from now on; `received` is the number of messages that the worker has, those behind it come.

        Raises TaskCanceledError once the task is canceled, besides what every report may raise.
        """
        body = {"lease_seconds": lease_seconds, "received": received}
        return await request(self._connection, _report(lease, "heartbeat", body), Heartbeat)

    async def report_progress(
        self,
        lease: Lease,
        *,
        fraction: float | None = None,
        message: Message | None = None,
        usage: Usage | None = None,
        idempotency_key: str | None = None,
    ) -> TaskReceipt:
        """Say how far the work is (0 to 1), an agent's message, what was used since the last report, or several.

        Under an `idempotency_key` of your own you may repeat it after all answers were lost: usage counts once.
        """
        body = {"fraction": fraction, "message": message, "usage": usage}
        return await request(self._connection, _report(lease, "progress", body, idempotency_key), TaskReceipt)

    async def append_artifact(
        self, lease: Lease, artifact: Artifact, *, append: bool = False, last_chunk: bool = True
    ) -> TaskReceipt:
        """Add an artifact, or a chunk of one: the first with `append` false, the last with `last_chunk` true."""
        body = {"artifact": artifact, "append": append, "last_chunk": last_chunk}
        return await request(self._connection, _report(lease, "artifacts", body), TaskReceipt)

    async def complete_task(
        self, lease: Lease, *, message: Message | None = None, usage: Usage | None = None
    ) -> TaskReceipt:
        """End the task well, with a last message if there is one to say."""
        body = {"message": message, "usage": usage}
        return await request(self._connection, _report(lease, "complete", body), TaskReceipt)

    async def fail_task(  # noqa: PLR0913 - the fields of a failure
        self,
        lease: Lease,
        *,
        code: str,
        reason: str,
        message: Message | None = None,
        usage: Usage | None = None,
        retryable: bool = False,
    ) -> TaskReceipt:
        """Give the task up; `code` is for programs (`bad_input`), `reason` for people.

        With `retryable` another attempt follows, as the agent's policy says.
        """
        body = {"code": code, "reason": reason, "message": message, "usage": usage, "retryable": retryable or None}
        return await request(self._connection, _report(lease, "fail", body), TaskReceipt)

    async def reject_task(
        self, lease: Lease, *, reason: str, message: Message | None = None, usage: Usage | None = None
    ) -> TaskReceipt:
        """Decline the task for good: no other attempt follows."""
        body = {"reason": reason, "message": message, "usage": usage}
        return await request(self._connection, _report(lease, "reject", body), TaskReceipt)

    async def release_task(self, lease: Lease, *, usage: Usage | None = None) -> TaskReceipt:
        """Hand the task back: the next worker goes on with the attempt at once, and no attempt is lost."""
        return await request(self._connection, _report(lease, "release", {"usage": usage}), TaskReceipt)

    async def acknowledge_cancel(self, lease: Lease, *, usage: Usage | None = None) -> TaskReceipt:
        """Say that work on a canceled task has stopped, and what it used since the last report.

        Raises LeaseLostError where it is not the lease that the cancellation fenced.
        """
        return await request(self._connection, _report(lease, "acknowledge-cancel", {"usage": usage}), TaskReceipt)

    async def request_input(  # noqa: PLR0913 - the fields of a question
        self,
        lease: Lease,
        message: Message,
        *,
        request_id: UUID | None = None,
        answer_schema: Mapping[str, Any] | None = None,
        default: Message | None = None,
        expires_in_seconds: int | None = None,
        keeps_lease: bool = False,
    ) -> InputReceipt:
        """Ask a person; the task waits, and the lease is given up unless it is kept with heartbeats.

        The answer must fit the schema (JSON Schema 2020-12). When the time is up the default answers; without one the
        task fails. The answer comes with a lease or a heartbeat; `answers` there tells by `request_id` which it is.
        """
        body = {
            "message": message,
            "request_id": None if request_id is None else str(request_id),
            "answer_schema": answer_schema,
            "default": default,
            "expires_in_seconds": expires_in_seconds,
            "keeps_lease": keeps_lease,
        }
        return await request(self._connection, _report(lease, "request-input", body), InputReceipt)

    async def request_approval(
        self,
        lease: Lease,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        message: Message | None = None,
        keeps_lease: bool = False,
    ) -> ApprovalReceipt:
        """Ask to be allowed one operation; the status is `not_required` where no rule of the policy covers it.

        Else the task waits, and the lease is given up unless it is kept. The decision comes as an answer does.
        """
        body = {"operation": operation, "arguments": arguments, "message": message, "keeps_lease": keeps_lease}
        return await request(self._connection, _report(lease, "approvals", body), ApprovalReceipt)

    async def use_approval(
        self, lease: Lease, approval_id: UUID, operation: str, arguments: Mapping[str, Any]
    ) -> ApprovalReceipt:
        """Say that the operation is about to be done: an approval covers it once.

        Raises ConflictError where it was not approved, was used, or is not for just this operation and arguments.
        """
        body = {"operation": operation, "arguments": arguments}
        return await request(self._connection, _report(lease, f"approvals/{approval_id}/use", body), ApprovalReceipt)


def _report(lease: Lease, verb: str, body: Mapping[str, object], idempotency_key: str | None = None) -> Call:
    headers = {"Lease-Token": lease.lease_token}
    return Call("POST", f"/tasks/{lease.task_id}/{verb}", body, headers=headers, idempotency_key=idempotency_key)
