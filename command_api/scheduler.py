"""What time alone leads to: asks the tasks that are due what is due.

Any number of replicas may do it at once. Each finds the same tasks; whose decision is saved first is right, and the
others' find nothing due any more. Nothing here knows a rule: those are in `domain/task/time_out_task.py`.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandContext, CommandRequest, Outcome
from command_api.services.command_services import CommandServices
from command_api.services.handle_command import handle_command
from command_api.services.set_aside import SetAside, find_left_alone, forget_settled, set_aside
from domain.rejection import Rejection
from domain.task import TimeOutTask
from infrastructure.postgres import is_connection_error
from infrastructure.write_store import CommandKey, StoreUnavailableError

__all__ = ["SchedulerDependencies", "open_scheduler", "time_out_due_tasks"]

_LOOK_SECONDS: Final = 0.25
_BATCH: Final = 100
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SchedulerDependencies:
    """The write side, and the look for what is due: at most n tasks, without those that are left alone."""

    services: CommandServices
    find_due: Callable[[int, Sequence[UUID]], Awaitable[list[tuple[str, UUID]]]]
    aside: SetAside = field(default_factory=dict)
    """Tasks that could not be decided about: left alone for a growing while."""


def _context(workspace_id: str, services: CommandServices) -> CommandContext:
    """Return the context of a command that nobody sent."""
    command_id = str(services.make_id())
    return CommandContext(
        key=CommandKey(workspace_id, "scheduler", command_id),
        fingerprint=b"",
        correlation_id=command_id,
        causation_id=command_id,
        traceparent=services.make_traceparent(),
    )


def _time_out(workspace_id: str, task_ids: Sequence[UUID], services: CommandServices) -> CommandRequest:
    """Return the command that asks tasks of one workspace what is due."""

    def prepare(facts: Facts) -> list[Assignment]:
        return [
            Assignment("task", task_id, TimeOutTask(at=facts.at, share=services.random_share())) for task_id in task_ids
        ]

    def respond(_facts: Facts, outcomes: Sequence[Outcome]) -> dict[str, int]:
        return {"timed_out": sum(bool(outcome.events) for outcome in outcomes)}

    return CommandRequest(
        context=_context(workspace_id, services),
        prepare=prepare,
        respond=respond,
        aggregate_ids=task_ids,
        is_lenient=True,
    )


async def time_out_due_tasks(dependencies: SchedulerDependencies) -> int:
    """Ask the tasks that are due, a batch of each workspace in one transaction; return how many were found."""
    now = dependencies.services.monotonic()
    found = await dependencies.find_due(_BATCH, find_left_alone(dependencies.aside, now))
    if len(found) < _BATCH:
        forget_settled(dependencies.aside, {task_id for _, task_id in found}, now)
    by_workspace: defaultdict[str, list[UUID]] = defaultdict(list)
    for workspace_id, task_id in found:
        by_workspace[workspace_id].append(task_id)
    for workspace_id, task_ids in by_workspace.items():
        await _ask(workspace_id, task_ids, dependencies)
    return len(found)


async def _ask(workspace_id: str, task_ids: Sequence[UUID], dependencies: SchedulerDependencies) -> None:
    """Ask tasks what is due, together; where that fails each by itself, so that none holds up the others.

    A conflict is another replica's or a worker's success; what is still due then is found again.
    """
    services = dependencies.services
    try:
        await handle_command(_time_out(workspace_id, task_ids, services), services.commands)
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - tried again by itself, and a bug is logged with its place
        if len(task_ids) > 1:
            for task_id in task_ids:
                await _ask(workspace_id, [task_id], dependencies)
        elif not isinstance(error, Rejection):
            seconds = set_aside(dependencies.aside, task_ids[0], services.monotonic())
            _LOG.exception(
                "a task that is due cannot be decided about", task_id=str(task_ids[0]), again_in_seconds=seconds
            )


async def _run(dependencies: SchedulerDependencies) -> None:
    """Look again and again, at once where a batch was full; a database out of reach only means later."""
    is_down = False
    while True:
        found = 0
        try:
            found = await time_out_due_tasks(dependencies)
            is_down = False
        except Exception as error:  # noqa: BLE001 - the next look is the remedy; a bug is logged once, with its place
            if not is_down:
                is_away = isinstance(error, StoreUnavailableError) or is_connection_error(error)
                _LOG.warning("looking for due tasks failed", exc_info=not is_away)
            is_down = True
        if found < _BATCH:
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def open_scheduler(dependencies: SchedulerDependencies) -> AsyncIterator[None]:
    """Run the scheduler while the context lasts."""
    runner = asyncio.create_task(_run(dependencies))
    try:
        yield
    finally:
        runner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await runner
