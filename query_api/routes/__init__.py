"""The routes of the query API, one module a feature."""

from query_api.routes.agents import agents_router
from query_api.routes.approvals import approvals_router
from query_api.routes.budgets import budgets_router
from query_api.routes.dead_letters import dead_letters_router
from query_api.routes.figures import figures_router
from query_api.routes.tasks import tasks_router

__all__ = [
    "agents_router",
    "approvals_router",
    "budgets_router",
    "dead_letters_router",
    "figures_router",
    "tasks_router",
]
