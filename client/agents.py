"""The calls about agents; a part of `BureauClient`."""

from collections.abc import AsyncIterator
from uuid import UUID

from client.agent_records import AgentCard, AgentDetail, AgentPolicy, AgentReceipt, AgentSummary
from client.connection import Call, Connection, iterate_pages, request
from client.records import Page

__all__ = ["AgentCalls"]


class AgentCalls:
    """Register, change and read agents. Reading takes an id; tasks and leases also take the agent's name."""

    _connection: Connection

    async def register_agent(
        self,
        name: str,
        *,
        card: AgentCard | None = None,
        policy: AgentPolicy | None = None,
        idempotency_key: str | None = None,
    ) -> AgentReceipt:
        """Add an agent; raises AgentNameTakenError where the workspace has one of this name.

        A name is 1 to 63 lower-case letters, digits, dots, dashes and underscores.
        """
        body = {"name": name, "card": card, "policy": policy}
        call = Call("POST", "/agents", body, idempotency_key=idempotency_key)
        return await request(self._connection, call, AgentReceipt)

    async def update_agent(
        self,
        agent_id: UUID,
        *,
        name: str | None = None,
        card: AgentCard | None = None,
        policy: AgentPolicy | None = None,
    ) -> AgentReceipt:
        """Change what is given; the rest stays."""
        body = {"name": name, "card": card, "policy": policy}
        return await request(self._connection, Call("PATCH", f"/agents/{agent_id}", body), AgentReceipt)

    async def pause_agent(self, agent_id: UUID, *, reason: str | None = None) -> AgentReceipt:
        """Stop giving the agent work; its tasks wait."""
        return await self._change_agent(agent_id, "pause", {"reason": reason})

    async def resume_agent(self, agent_id: UUID) -> AgentReceipt:
        """Let a paused agent go on."""
        return await self._change_agent(agent_id, "resume", {})

    async def retire_agent(self, agent_id: UUID, *, reason: str | None = None) -> AgentReceipt:
        """Take the agent out of service for good."""
        return await self._change_agent(agent_id, "retire", {"reason": reason})

    async def get_agent(self, agent_id: UUID) -> AgentDetail:
        """Return an agent; raises NotFoundError."""
        return await request(self._connection, Call("GET", f"/agents/{agent_id}"), AgentDetail)

    async def list_agents(
        self, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[AgentSummary]:
        """Return one page of agents; `status` is active, paused or retired."""
        parameters = {"status": status, "limit": limit, "cursor": cursor}
        return await request(self._connection, Call("GET", "/agents", parameters=parameters), Page[AgentSummary])

    def iterate_agents(self, *, status: str | None = None) -> AsyncIterator[AgentSummary]:
        """Yield all agents, page by page."""
        return iterate_pages(lambda cursor: self.list_agents(status=status, cursor=cursor))

    async def _change_agent(self, agent_id: UUID, verb: str, body: dict[str, object]) -> AgentReceipt:
        return await request(self._connection, Call("POST", f"/agents/{agent_id}/{verb}", body), AgentReceipt)
