"""The routes of the query API, one module a feature."""

from query_api.routes.agents import agents_router
from query_api.routes.tasks import tasks_router

__all__ = ["agents_router", "tasks_router"]
