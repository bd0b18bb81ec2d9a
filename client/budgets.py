"""The calls about budgets and usage; a part of `BureauClient`."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from client.budget_records import Budget, BudgetBreach, BudgetReceipt, BudgetStatus, BudgetWindow, UsageFigures
from client.connection import Call, Connection, iterate_pages, request
from client.content import Content, Message, as_user_message
from client.records import Page

__all__ = ["BudgetCalls"]


class _ResumeAnswer(BaseModel):
    resumed: tuple[UUID, ...]


class BudgetCalls:
    """Bound what work may cost. A scope has one budget: `workspace`, or `agent:`, `context:` or `task:<id>`."""

    _connection: Connection

    async def set_budget(  # noqa: PLR0913 - the fields of a budget
        self,
        scope: str,
        amount: Decimal | str,
        *,
        currency: str = "USD",
        window: BudgetWindow = "total",
        warn_fraction: Decimal | str | None = None,
        on_breach: BudgetBreach = "input",
        spent: Decimal | str | None = None,
    ) -> BudgetReceipt:
        """Bound a scope; the report that reaches the amount stops its task, and nothing more of the scope is leased.

        Workers are told from `warn_fraction` of the amount on. Reports from before don't count but for what is given as
        `spent`. Raises ConflictError where the scope has a budget, NotFoundError where its agent or task is not there.
        """
        body = {
            "scope": scope,
            "amount": str(amount),
            "currency": currency,
            "window": window,
            "warn_fraction": None if warn_fraction is None else str(warn_fraction),
            "on_breach": on_breach,
            "spent": None if spent is None else str(spent),
        }
        return await request(self._connection, Call("POST", "/budgets", body), BudgetReceipt)

    async def change_budget(
        self, budget_id: UUID, *, amount: Decimal | str | None = None, on_breach: BudgetBreach | None = None
    ) -> BudgetReceipt:
        """Change what is given. Raised above what was spent it lets leases go on, `resume_tasks` the rest."""
        body = {"amount": None if amount is None else str(amount), "on_breach": on_breach}
        return await request(self._connection, Call("PATCH", f"/budgets/{budget_id}", body), BudgetReceipt)

    async def remove_budget(self, budget_id: UUID) -> BudgetReceipt:
        """Take it away: its scope is unbounded from now on."""
        return await request(self._connection, Call("POST", f"/budgets/{budget_id}/remove"), BudgetReceipt)

    async def resume_tasks(self, budget_id: UUID, message: Message | Content | None = None) -> tuple[UUID, ...]:
        """Let all tasks go on that the budget stopped, telling their workers so; return which they are.

        Raises ConflictError while the budget is spent. A task over which another one is spent waits on.
        """
        said = None if message is None else as_user_message(message)
        call = Call("POST", f"/budgets/{budget_id}/resume", {"message": said})
        return (await request(self._connection, call, _ResumeAnswer)).resumed

    async def get_budget(self, budget_id: UUID) -> Budget:
        """Return a budget; raises NotFoundError."""
        return await request(self._connection, Call("GET", f"/budgets/{budget_id}"), Budget)

    async def list_budgets(
        self,
        *,
        scope: str | None = None,
        status: BudgetStatus | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Budget]:
        """Return one page of budgets by scope, removed ones too."""
        parameters = {"scope": scope, "status": status, "limit": limit, "cursor": cursor}
        return await request(self._connection, Call("GET", "/budgets", parameters=parameters), Page[Budget])

    def iterate_budgets(self, *, scope: str | None = None, status: BudgetStatus | None = None) -> AsyncIterator[Budget]:
        """Yield all budgets by scope, page by page."""
        return iterate_pages(lambda cursor: self.list_budgets(scope=scope, status=status, cursor=cursor))

    async def get_usage(self, *, agent_id: UUID | None = None, context_id: str | None = None) -> UsageFigures:
        """Return what all tasks used, or those of an agent, a context or both: in all and by model."""
        parameters = {"agent_id": agent_id, "context_id": context_id}
        return await request(self._connection, Call("GET", "/usage", parameters=parameters), UsageFigures)
