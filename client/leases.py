"""The calls of workers; a part of `BureauClient`. `Worker` makes them for you."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel

from client.connection import Call, Connection, request
from client.content import Artifact, Message, Usage
from client.records import Heartbeat, Lease, TaskReceipt

__all__ = ["LeaseCalls"]


class _LeaseAnswer(BaseModel):
    data: tuple[Lease, ...]


class LeaseCalls:
    """Lease tasks and report on them. Every report may raise LeaseLostError or WrongStateError: then stop working."""

    _connection: Connection

    async def lease_tasks(
        self,
        agents: Sequence[str | UUID],
        *,
        worker: str,
        max_tasks: int = 1,
        lease_seconds: int | None = None,
        wait_seconds: int = 0,
    ) -> tuple[Lease, ...]:
        """Take up to `max_tasks` (1 to 100) tasks of these agents (names or ids); an empty answer means no work.

        `wait_seconds` 0 to 30 lets the service wait for work; without `lease_seconds` the agent's policy decides.
        """
        body = {
            "agents": tuple(map(str, agents)),
            "worker": worker,
            "max_tasks": max_tasks,
            "lease_seconds": lease_seconds,
            "wait_seconds": wait_seconds,
        }
        answer = await request(self._connection, Call("POST", "/leases", body, wait_seconds=wait_seconds), _LeaseAnswer)
        return answer.data

    async def send_heartbeat(self, lease: Lease, *, lease_seconds: int | None = None) -> Heartbeat:
        """Renew the lease from now on."""
        return await request(self._connection, _report(lease, "heartbeat", {"lease_seconds": lease_seconds}), Heartbeat)

    async def report_progress(
        self,
        lease: Lease,
        *,
        fraction: float | None = None,
        message: Message | None = None,
        usage: Usage | None = None,
    ) -> TaskReceipt:
        """Say how far the work is (0 to 1), an agent's message, what was used since the last report, or several."""
        body = {"fraction": fraction, "message": message, "usage": usage}
        return await request(self._connection, _report(lease, "progress", body), TaskReceipt)

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

    async def fail_task(
        self, lease: Lease, *, code: str, reason: str, message: Message | None = None, usage: Usage | None = None
    ) -> TaskReceipt:
        """Give the task up; `code` is for programs (`bad_input`), `reason` for people."""
        body = {"code": code, "reason": reason, "message": message, "usage": usage}
        return await request(self._connection, _report(lease, "fail", body), TaskReceipt)


def _report(lease: Lease, verb: str, body: Mapping[str, object]) -> Call:
    return Call("POST", f"/tasks/{lease.task_id}/{verb}", body, headers={"Lease-Token": lease.lease_token})
