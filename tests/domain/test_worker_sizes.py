"""How much workers may say of one task: progress, questions, approvals and failures count together."""

import pytest

from contracts.a2a import Message
from domain.rejection import Conflict
from domain.task import Task, TaskCommand
from domain.task.sizes import MAX_WORKER_BYTES, json_size, message_size
from tests.domain.approval_samples import await_approval
from tests.domain.command_samples import QUESTION, ask, reject
from tests.domain.samples import MESSAGE, complete, existing, fail, progress, queued, started
from tests.domain.scenario import Given, given_task, given_this_task

TASK = existing(given_task(*queued(), *started()).state)
SIZE = message_size(QUESTION)
SCHEMA = {"type": "string", "pattern": "ä"}
DEFAULT = Message.model_validate(MESSAGE.model_dump() | {"parts": [{"data": "ä"}]})
ASKING = ask(answer_schema=SCHEMA, expires_in_seconds=9, default=DEFAULT)
ASKING_SIZE = SIZE + len('{"type":"string","pattern":"ä"}'.encode()) + message_size(DEFAULT)
APPROVAL = await_approval().model_copy(update={"arguments": {"order": 7}, "message": QUESTION})
APPROVAL_SIZE = SIZE + len('{"order":7}')
FAILURE = fail(message=QUESTION, is_retryable=True)


def said(size: int) -> Given[Task, TaskCommand]:
    """Return a task whose workers said so many bytes."""
    return given_this_task(TASK.model_copy(update={"worker_bytes": size}))


@pytest.mark.parametrize(
    ("command", "size", "most"),
    [
        (progress(message=QUESTION), SIZE, MAX_WORKER_BYTES),
        (ASKING, ASKING_SIZE, MAX_WORKER_BYTES),
        (APPROVAL, APPROVAL_SIZE, MAX_WORKER_BYTES),
        (FAILURE, SIZE, 2 * MAX_WORKER_BYTES),
    ],
    ids=["progress", "question", "approval", "failure"],
)
def test_what_workers_say_is_taken_where_it_just_fits_and_refused_beyond(
    command: TaskCommand, size: int, most: int
) -> None:
    assert existing(said(most - size).when(command).after).worker_bytes == most
    said(most - size + 1).when(command).then_rejected("worker_messages_too_large", Conflict)


@pytest.mark.parametrize(
    "command", [progress(), complete(message=QUESTION), reject(message=QUESTION), fail(message=QUESTION)]
)
def test_a_worker_that_said_all_it_may_still_moves_on_and_ends_its_task(command: TaskCommand) -> None:
    assert said(2 * MAX_WORKER_BYTES).when(command).rejection is None


def test_null_has_no_size() -> None:
    assert (json_size(None), message_size(None)) == (0, 0)
