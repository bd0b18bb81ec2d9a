"""The whole table of situations and commands: what is legal leads to these changes, the rest is refused with its code.

What is legal is written out; what every other pair is refused with follows from rules that a reader can check.
"""

from itertools import product
from typing import get_args

import pytest

from contracts.a2a import TERMINAL_STATES, TaskState
from domain.rejection import NotFound
from domain.task import TaskCommand
from tests.domain.samples import existing
from tests.domain.scenario import given_this_task
from tests.domain.situations import CLIENT_COMMANDS, COMMANDS, FENCED, SITUATIONS, WORK

WORKING = ("working",)
KEPT = ("asking, lease kept", "awaiting, lease kept")
ASKING = ("asking", "asking, lease kept")
AWAITING = ("awaiting", "awaiting, lease kept")
READY = ("submitted", "put back", "resumable", "released")
OPEN = (*READY, *WORKING, *ASKING, *AWAITING)
ENDED = ("completed", "failed", "rejected", "canceled", "canceled, acknowledged")
EVERYTHING = (*OPEN, *ENDED)

ENDS_ATTEMPT = ["TaskAttemptFailed", "AttemptRecorded", "TaskQueued"]
WAITS = ["TaskInputRequested", "WaitBegun", "LeaseReleased"]

# Situations, command, the types of the changes (of which none is no change).
_RULES: list[tuple[tuple[str, ...], str, list[str]]] = [
    (("missing",), "submit", ["TaskSubmitted", "TaskQueued"]),
    (("submitted",), "lease", ["TaskStarted", "LeaseGranted"]),
    (("submitted",), "lease later", ["TaskStarted", "LeaseGranted"]),
    (("put back",), "lease later", ["TaskAttemptStarted", "LeaseGranted"]),
    (("resumable", "released"), "lease later", ["TaskResumed", "LeaseGranted"]),
    (("released",), "lease", ["TaskResumed", "LeaseGranted"]),
    (WORKING, "confirm lease", ["LeaseRenewed"]),
    (WORKING, "progress", ["TaskProgressed"]),
    (WORKING, "append", ["TaskArtifactAppended"]),
    (WORKING, "complete", ["TaskCompleted"]),
    (WORKING, "fail", ["TaskFailed"]),
    (WORKING, "fail for now", ENDS_ATTEMPT),
    (WORKING, "reject", ["TaskRejected"]),
    (WORKING, "ask", WAITS),
    (WORKING, "await approval", ["TaskApprovalRequested", "WaitBegun", "LeaseReleased"]),
    ((*WORKING, *KEPT), "heartbeat", ["LeaseRenewed"]),
    ((*WORKING, *KEPT), "release", ["TaskReleased", "WorkPaused", "LeaseReleased"]),
    ((*READY, *WORKING, *ASKING), "cancel", ["TaskCanceled"]),
    (AWAITING, "cancel", ["TaskApprovalResolved", "TaskCanceled"]),
    (("canceled", "canceled, acknowledged"), "cancel", []),
    (("canceled",), "acknowledge", ["CancelAcknowledged"]),
    (("canceled, acknowledged",), "acknowledge", []),
    (("canceled",), "acknowledge with usage", ["TaskUsageReported", "CancelAcknowledged"]),
    (("canceled, acknowledged",), "acknowledge with usage", ["TaskUsageReported"]),
    (OPEN, "add message", ["TaskMessageAdded"]),
    (("asking",), "answer", ["TaskInputProvided", "TaskQueued"]),
    (("asking, lease kept",), "answer", ["TaskInputProvided", "WorkContinued"]),
    (EVERYTHING, "approve", []),
    (EVERYTHING, "refuse", []),
    (EVERYTHING, "approve something else", []),
    (("awaiting",), "approve", ["TaskApprovalResolved", "TaskQueued"]),
    (("awaiting, lease kept",), "approve", ["TaskApprovalResolved", "WorkContinued"]),
    (AWAITING, "refuse", ["TaskApprovalResolved", "TaskRejected"]),
    (EVERYTHING, "stop for budget", []),
    (EVERYTHING, "fail for budget", []),
    ((*READY, *WORKING), "stop for budget", WAITS),
    ((*READY, *WORKING), "fail for budget", ["TaskFailed"]),
    (OPEN, "time out early", []),
    (OPEN, "time out", []),
    (WORKING, "time out", ENDS_ATTEMPT),
    (KEPT, "time out", ["LeaseReleased"]),
]
# A later rule is the exception to an earlier one.
LEGAL = {(situation, command): changes for situations, command, changes in _RULES for situation in situations}


def expected_code(situation: str, command: str) -> str:
    """Return the code that a pair is refused with, which is not legal."""
    if situation == "missing":
        return "task_not_found"
    if command == "submit":
        return "task_exists"
    if command in FENCED:
        return "lease_lost"
    if command.startswith("acknowledge"):
        # As every call of a worker: a token that is not the lease's opens nothing, whatever the state.
        has_lease = situation in (*WORKING, *KEPT)
        return "wrong_state" if has_lease and command in {"acknowledge", "acknowledge with usage"} else "lease_lost"
    if command in WORK:
        canceled = situation.startswith("canceled")
        return "wrong_state" if situation in KEPT else "task_canceled" if canceled else "lease_lost"
    if command.startswith("answer") and situation in OPEN:
        return "other_question" if situation in ASKING else "nothing_asked"
    if command.startswith("lease"):
        return {"put back": "not_ready", "resumable": "not_ready"}.get(
            situation, "task_leased" if situation in (*WORKING, *KEPT) else "wrong_state"
        )
    return "wrong_state"


@pytest.mark.parametrize(("situation", "command"), list(product(SITUATIONS, COMMANDS)))
def test_every_situation_meets_every_command(situation: str, command: str) -> None:
    outcome = given_this_task(SITUATIONS[situation]).when(COMMANDS[command])

    if (situation, command) in LEGAL:
        assert outcome.rejection is None
        assert [type(change).__name__ for change in outcome.changes or ()] == LEGAL[situation, command]
        return
    outcome.then_rejected(expected_code(situation, command))
    assert outcome.after == SITUATIONS[situation]
    assert isinstance(outcome.rejection, NotFound) == (situation == "missing")


def test_the_table_names_every_state_that_a_task_can_have() -> None:
    assert {task.state for task in SITUATIONS.values() if task is not None} == set(TaskState)


def test_the_table_names_every_command() -> None:
    assert {type(command) for command in COMMANDS.values()} == set(get_args(TaskCommand.__value__))
    assert len(COMMANDS) == 3 * len(WORK) + len(CLIENT_COMMANDS)


@pytest.mark.parametrize("situation", EVERYTHING)
def test_only_tasks_that_nobody_has_and_that_wait_for_nothing_can_be_claimed(situation: str) -> None:
    task = existing(SITUATIONS[situation])

    assert (task.claimable_at is not None) == (situation in READY)


@pytest.mark.parametrize("situation", EVERYTHING)
def test_a_task_that_is_over_is_due_never_again(situation: str) -> None:
    task = existing(SITUATIONS[situation])
    late = task.model_copy(update={"deadline": task.ready_at})

    assert (late.due_at is None) == (task.state in TERMINAL_STATES)
