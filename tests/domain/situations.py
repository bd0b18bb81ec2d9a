"""A task in every situation that commands tell apart, and every command that can meet it there."""

from collections.abc import Callable, Mapping
from typing import Final, cast
from uuid import UUID

from contracts.approvals import ApprovalStatus
from contracts.events import TaskCanceled, TaskCompleted, TaskFailed, TaskRejected
from domain.task import CancelAcknowledged, ConfirmLease, StopForBudget, Task, TaskCommand
from tests.domain.approval_samples import await_approval, awaiting, resolve
from tests.domain.budget_samples import BUDGET_ID
from tests.domain.command_samples import USAGE, acknowledge, add_message, answer, ask, reject, release, time_out
from tests.domain.samples import (
    NOON,
    append,
    cancel,
    complete,
    fail,
    heartbeat,
    lease,
    progress,
    put_back,
    queued,
    started,
    submit,
)
from tests.domain.scenario import Given, given_task, given_this_task

__all__ = ["CLIENT_COMMANDS", "COMMANDS", "FENCED", "SITUATIONS", "STALE", "WORK", "stop"]

_WORKING: Final = given_task(*queued(), *started())
_ELSEWHERE: Final = UUID(int=1)


def _after(given: Given[Task, TaskCommand], command: TaskCommand) -> Task | None:
    outcome = given.when(command)
    assert outcome.rejection is None
    return outcome.after


def _resumable() -> Task | None:
    """Return a task whose worker asked, gave its lease up, and was answered."""
    return _after(given_this_task(_after(_WORKING, ask())), answer(5))


SITUATIONS: Final[Mapping[str, Task | None]] = {
    "missing": None,
    "submitted": given_task(*queued()).state,
    "working": _WORKING.state,
    "put back": given_task(*queued(), *started(), *put_back()).state,
    "asking": _after(_WORKING, ask()),
    "asking, lease kept": _after(_WORKING, ask(keeps_lease=True)),
    "awaiting": awaiting().state,
    "awaiting, lease kept": awaiting(keeps_lease=True).state,
    "resumable": _resumable(),
    "released": _after(_WORKING, release()),
    "completed": given_task(*queued(), *started(), TaskCompleted(attempt=1)).state,
    "failed": given_task(*queued(), *started(), TaskFailed(attempt=1, code="x", reason="y")).state,
    "rejected": given_task(*queued(), *started(), TaskRejected(attempt=1, reason="no")).state,
    "canceled": given_task(*queued(), *started(), TaskCanceled()).state,
    "canceled, acknowledged": given_task(*queued(), *started(), TaskCanceled(), CancelAcknowledged()).state,
}


def stop(on_breach: str = "input") -> StopForBudget:
    command = StopForBudget(at=NOON, budget_id=BUDGET_ID, scope="workspace", on_breach="input")
    return command.model_copy(update={"on_breach": on_breach})


_WITH_TOKEN: Final[Mapping[str, Callable[[int | None], TaskCommand]]] = {
    "heartbeat": heartbeat,
    "confirm lease": lambda number: ConfirmLease(lease_number=number),
    "progress": progress,
    "append": lambda number: append(number=number),
    "complete": complete,
    "fail": fail,
    "fail for now": lambda number: fail(number, is_retryable=True),
    "reject": reject,
    "release": release,
    "ask": ask,
    "await approval": await_approval,
}
WORK: Final = {name: make(1) for name, make in _WITH_TOKEN.items()}
STALE: Final = {f"{name}, stale": make(7) for name, make in _WITH_TOKEN.items()}
_FORGED: Final = {f"{name}, forged": make(None) for name, make in _WITH_TOKEN.items()}
FENCED: Final = STALE | _FORGED

CLIENT_COMMANDS: Final[Mapping[str, TaskCommand]] = {
    "submit": submit(),
    "lease": lease(1),
    "lease later": lease(70),
    "cancel": cancel(),
    "acknowledge": acknowledge(),
    "acknowledge, stale": acknowledge(7),
    "acknowledge, forged": acknowledge(None),
    "acknowledge with usage": acknowledge(usage=USAGE),
    "add message": add_message(),
    "answer": answer(1),
    "answer another question": answer(1, request_id=_ELSEWHERE),
    "approve": resolve(),
    "refuse": resolve(ApprovalStatus.REFUSED),
    "approve something else": resolve().model_copy(update={"approval_id": _ELSEWHERE}),
    "stop for budget": stop(),
    "fail for budget": stop("fail"),
    "time out early": time_out(59.999999),
    "time out": time_out(60),
}
COMMANDS: Final = cast("Mapping[str, TaskCommand]", WORK | FENCED | dict(CLIENT_COMMANDS))
