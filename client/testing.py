"""Trying a handler without a server: run it on a task and look at what it did.

async def test_greets() -> None:
    run = await run_handler(greet, "Ada", answers=["blue"], decisions=["approved"])
    assert run.questions[0].text == "Which colour?"
    assert run.result.text == "Hello, Ada!"
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from client.approval_records import ApprovalStatus
from client.content import Artifact, Content, Message, agent_message, as_user_message
from client.handlers import Handler, TaskFailedError, TaskRejectedError, invoke_handler
from client.lease_records import Lease
from client.script import HandlerRun, Operation, ProgressReport, Question, ScriptedReports
from client.stopping import TaskStoppedError
from client.task_context import TaskContext

__all__ = ["HandlerRun", "Operation", "ProgressReport", "Question", "make_lease", "run_handler"]


async def run_handler(  # noqa: PLR0913 - each is something that people do to a task
    handler: Handler,
    task: Lease | Message | Content,
    *,
    answers: Sequence[Message | Content] = (),
    decisions: Sequence[ApprovalStatus] = (),
    messages: Sequence[Message | Content] = (),
    artifacts: Sequence[Artifact] = (),
) -> HandlerRun:
    """Run the handler on a task (or just on what a user would say) and return what it did.

    Each question gets the next of `answers`, or its default when there is none left, each wish to do an operation the
    next of `decisions`; LookupError where one is missing. `messages` come after the submission, `artifacts` are those
    of earlier attempts. A handler that gives up its lease to wait is run again, as a worker would.
    An exception other than TaskFailedError and TaskRejectedError is raised on, so that a test shows it.
    """
    lease = task if isinstance(task, Lease) else make_lease(task)
    later = tuple(as_user_message(message) for message in messages)
    script = ScriptedReports(
        lease.model_copy(update={"messages": lease.messages + later}), answers, decisions, artifacts
    )
    ending: TaskFailedError | TaskRejectedError | None = None
    result: Message | None = None
    try:
        result = await _run(handler, script)
    except (TaskFailedError, TaskRejectedError) as error:
        ending = error
    return script.result(result, ending)


async def _run(handler: Handler, script: ScriptedReports) -> Message | None:
    while True:
        context = TaskContext(script.lease, script)
        script.context = context
        try:
            result = await invoke_handler(handler, context)
        except TaskStoppedError:
            continue
        finally:
            script.usage.extend(context.pending_usage)
        return context.answer if result is None else agent_message(result)


def make_lease(message: Message | Content, *, lease_seconds: int = 60) -> Lease:
    """Return a lease as the service would give it, for a task with this one message."""
    return Lease(
        task_id=uuid.uuid4(),
        agent_id=uuid.uuid4(),
        agent_name="test",
        context_id="test",
        attempt=1,
        max_attempts=3,
        generation=2,
        lease_token="test",  # noqa: S106 - opens nothing
        lease_seconds=lease_seconds,
        lease_expires_at=datetime.now(UTC) + timedelta(seconds=lease_seconds),
        priority=5,
        messages=(as_user_message(message),),
    )
