"""The calls of people who decide on approvals; a part of `BureauClient`."""

from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

from client.approval_records import Approval, ApprovalDetail, ApprovalReceipt, ApprovalStatus
from client.connection import Call, Connection, iterate_pages, request
from client.records import Page

__all__ = ["ApprovalCalls"]


class ApprovalCalls:
    """Read approvals and decide on them. Who may is said by the agent's policy, and checked at every vote."""

    _connection: Connection

    async def decide_approval(
        self, approval_id: UUID, decision: Literal["approve", "refuse"], *, reason: str | None = None
    ) -> ApprovalReceipt:
        """Vote; the deciding vote lets the task go on or ends it.

        Raises PermissionDeniedError where it is for others to decide or this key asked itself, and ConflictError where
        this key has voted, the time is over or it is decided.
        """
        body = {"decision": decision, "reason": reason}
        return await request(
            self._connection, Call("POST", f"/approvals/{approval_id}/decision", body), ApprovalReceipt
        )

    async def get_approval(self, approval_id: UUID) -> ApprovalDetail:
        """Return an approval with its arguments and votes; raises NotFoundError."""
        return await request(self._connection, Call("GET", f"/approvals/{approval_id}"), ApprovalDetail)

    async def list_approvals(
        self,
        *,
        status: ApprovalStatus | None = None,
        task_id: UUID | None = None,
        agent_id: UUID | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """Return one page of approvals, the oldest first: with the status pending, the queue of what waits."""
        parameters = {"status": status, "task_id": task_id, "agent_id": agent_id, "limit": limit, "cursor": cursor}
        return await request(self._connection, Call("GET", "/approvals", parameters=parameters), Page[Approval])

    def iterate_approvals(
        self, *, status: ApprovalStatus | None = None, task_id: UUID | None = None, agent_id: UUID | None = None
    ) -> AsyncIterator[Approval]:
        """Yield all approvals, the oldest first, page by page."""
        return iterate_pages(
            lambda cursor: self.list_approvals(status=status, task_id=task_id, agent_id=agent_id, cursor=cursor)
        )
