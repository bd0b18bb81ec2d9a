"""The whole table of states and commands: what is legal leads to these changes, the rest is refused with its code."""

from itertools import product

import pytest

from contracts.a2a import TaskState
from contracts.events import TaskCanceled, TaskCompleted, TaskFailed
from domain.rejection import NotFound
from domain.task import Task, TaskCommand
from tests.domain.samples import append, cancel, complete, fail, heartbeat, lease, progress, queued, started, submit
from tests.domain.scenario import given_task, given_this_task


def _in_state(state: TaskState) -> Task:
    """Return a task in a state that no event of today leads to."""
    task = given_task(*queued(), *started()).state
    assert task is not None
    return task.model_copy(update={"state": state, "lease": None})


SITUATIONS: dict[str, Task | None] = {
    "missing": None,
    "submitted": given_task(*queued()).state,
    "working": given_task(*queued(), *started()).state,
    "input_required": _in_state(TaskState.INPUT_REQUIRED),
    "auth_required": _in_state(TaskState.AUTH_REQUIRED),
    "completed": given_task(*queued(), *started(), TaskCompleted(attempt=1, message=None)).state,
    "failed": given_task(*queued(), *started(), TaskFailed(attempt=1, code="x", reason="y", message=None)).state,
    "canceled": given_task(*queued(), TaskCanceled(reason=None)).state,
    "rejected": _in_state(TaskState.REJECTED),
}

COMMANDS: dict[str, TaskCommand] = {
    "submit": submit(),
    "lease": lease(1),
    "lease after expiry": lease(60),
    "heartbeat": heartbeat(),
    "progress": progress(),
    "append": append(),
    "complete": complete(),
    "fail": fail(),
    "cancel": cancel(),
    "heartbeat, stale": heartbeat(0),
    "progress, stale": progress(0),
    "append, stale": append(number=0),
    "complete, stale": complete(0),
    "fail, forged": fail(None),
}

WORK = ("heartbeat", "progress", "append", "complete", "fail")
STALE = ("heartbeat, stale", "progress, stale", "append, stale", "complete, stale", "fail, forged")
LEASES = ("lease", "lease after expiry")

# (state, command) → the types of the changes, of which none is no change; everything else is refused.
LEGAL: dict[tuple[str, str], list[str]] = {
    ("missing", "submit"): ["TaskSubmitted", "TaskQueued"],
    ("submitted", "lease"): ["TaskStarted", "LeaseGranted"],
    ("submitted", "lease after expiry"): ["TaskStarted", "LeaseGranted"],
    ("submitted", "cancel"): ["TaskCanceled"],
    ("working", "lease after expiry"): ["TaskAttemptStarted", "LeaseGranted"],
    ("working", "heartbeat"): ["LeaseRenewed"],
    ("working", "progress"): ["TaskProgressed"],
    ("working", "append"): ["TaskArtifactAppended"],
    ("working", "complete"): ["TaskCompleted"],
    ("working", "fail"): ["TaskFailed"],
    ("working", "cancel"): ["TaskCanceled"],
    ("input_required", "cancel"): ["TaskCanceled"],
    ("auth_required", "cancel"): ["TaskCanceled"],
    ("canceled", "cancel"): [],
}


def expected_code(situation: str, command: str) -> str:
    """Return the code of a refusal by rule, which a reader can check against the terms of A2A."""
    if situation == "missing":
        return "task_not_found"
    if command == "submit":
        return "task_exists"
    if command in (*WORK, *STALE):
        return "lease_lost"
    if command in LEASES and situation == "working":
        return "task_leased"
    return "wrong_state"


@pytest.mark.parametrize(("situation", "command"), list(product(SITUATIONS, COMMANDS)))
def test_every_state_meets_every_command(situation: str, command: str) -> None:
    outcome = given_this_task(SITUATIONS[situation]).when(COMMANDS[command])

    if (situation, command) in LEGAL:
        assert [type(change).__name__ for change in outcome.changes or ()] == LEGAL[situation, command]
        assert outcome.rejection is None
        return
    outcome.then_rejected(expected_code(situation, command))
    assert outcome.after == SITUATIONS[situation]
    assert isinstance(outcome.rejection, NotFound) == (situation == "missing")


def test_the_table_names_every_state_that_a_task_can_have() -> None:
    assert {task.state for task in SITUATIONS.values() if task is not None} == set(TaskState)


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "missing"])
def test_only_tasks_that_wait_or_work_can_be_claimed(situation: str) -> None:
    task = SITUATIONS[situation]

    assert task is not None
    assert (task.claimable_at is not None) == (situation in {"submitted", "working"})
