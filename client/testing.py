"""Trying a handler without a server: run it on a task and look at what it did.

async def test_greets() -> None:
    run = await run_handler(greet, "Ada")
    assert run.result.text == "Hello, Ada!"
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from client.content import Artifact, Content, Message, Usage, agent_message, user_message
from client.handlers import Handler, TaskFailedError, invoke_handler
from client.records import Lease
from client.task_context import TaskContext

__all__ = ["HandlerRun", "ProgressReport", "make_lease", "run_handler"]


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """One progress report: a fraction (0 to 1), words, or both."""

    fraction: float | None
    text: str | None


@dataclass(frozen=True, slots=True)
class HandlerRun:
    """What a handler did. `artifacts` have their chunks joined; `failure` is set where it raised TaskFailedError."""

    progress: tuple[ProgressReport, ...]
    artifacts: tuple[Artifact, ...]
    usage: tuple[Usage, ...]
    result: Message | None
    failure: TaskFailedError | None = None


@dataclass(frozen=True, slots=True)
class _Collector:
    """Takes reports as the client does, and keeps them."""

    progress: list[ProgressReport] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)

    async def report_progress(
        self,
        lease: Lease,  # noqa: ARG002 - as the client has it
        *,
        fraction: float | None = None,
        message: Message | None = None,
        usage: Usage | None = None,
    ) -> None:
        if fraction is not None or message is not None:
            self.progress.append(ProgressReport(fraction, None if message is None else message.text))
        if usage is not None:
            self.usage.append(usage)

    async def append_artifact(
        self,
        lease: Lease,  # noqa: ARG002 - as the client has it
        artifact: Artifact,
        *,
        append: bool = False,
        last_chunk: bool = True,  # noqa: ARG002 - as the client has it
    ) -> None:
        known = self.artifacts[artifact.artifact_id] if append else None
        joined = known.model_copy(update={"parts": known.parts + artifact.parts}) if known else artifact
        self.artifacts[artifact.artifact_id] = joined


async def run_handler(handler: Handler, task: Lease | Message | Content) -> HandlerRun:
    """Run the handler on a task (or just on what a user would say) and return what it did.

    An exception other than TaskFailedError is raised on, so that a test shows it.
    """
    collector = _Collector()
    context = TaskContext(task if isinstance(task, Lease) else make_lease(task), collector)
    failure: TaskFailedError | None = None
    result: Content | None = None
    try:
        result = await invoke_handler(handler, context)
    except TaskFailedError as error:
        failure = error
    return HandlerRun(
        progress=tuple(collector.progress),
        artifacts=tuple(collector.artifacts.values()),
        usage=(*collector.usage, *context.pending_usage),
        result=context.answer if result is None else agent_message(result),
        failure=failure,
    )


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
        messages=(message if isinstance(message, Message) else user_message(message),),
    )
