"""Every projection that the process runs; a new one is a line here."""

from projectors.projections.agents import AGENTS
from projectors.projections.approvals import APPROVALS
from projectors.projections.budgets import BUDGETS
from projectors.projections.projection import Projection
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.task_timeline import TASK_TIMELINE
from projectors.projections.tasks import TASKS
from projectors.projections.usage import USAGE

__all__ = ["PROJECTIONS"]

PROJECTIONS: tuple[Projection, ...] = (AGENTS, TASKS, TASK_DETAIL, TASK_TIMELINE, APPROVALS, BUDGETS, USAGE)
"""In no particular order: none depends on another."""
