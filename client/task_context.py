"""What a handler gets: the task to do, and the ways to report on it.

The methods are coroutines. A blocking handler, which runs in a thread, calls them through `task.wait(...)`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

from pydantic import BaseModel, JsonValue

from client.chunks import split_parts
from client.content import Artifact, Content, Message, Part, Usage, agent_message, make_parts
from client.errors import LeaseLostError, NotFoundError, WrongStateError
from client.records import Lease, TaskReceipt

__all__ = ["Reports", "TaskContext"]


class Reports(Protocol):
    """Where reports go: a `BureauClient`, or a list in a test."""

    def report_progress(
        self, lease: Lease, *, fraction: float | None = None, message: Message | None = None, usage: Usage | None = None
    ) -> Coroutine[Any, Any, TaskReceipt | None]:
        """Take a progress report."""
        ...

    def append_artifact(
        self, lease: Lease, artifact: Artifact, *, append: bool = False, last_chunk: bool = True
    ) -> Coroutine[Any, Any, TaskReceipt | None]:
        """Take a chunk of an artifact."""
        ...


class TaskContext:
    """One task in a handler's hands.

    `lease` is the task as it was leased; `is_canceled` becomes True when the task was canceled or its
    lease lost. A coroutine is then cancelled as well; a blocking handler should look at it now and then, and return.
    """

    def __init__(self, lease: Lease, reports: Reports) -> None:
        self.lease = lease
        self.is_canceled = False
        self.is_done = False
        self.answer: Message | None = None
        self.pending_usage: list[Usage] = []
        self._reports = reports
        self._loop = asyncio.get_running_loop()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The task's messages, the oldest first."""
        return self.lease.messages

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all messages of the user, in order."""
        return tuple(part for message in self.messages if message.role == "user" for part in message.parts)

    @property
    def text(self) -> str:
        """All text and files of the user's messages as text."""
        return "\n".join(message.text for message in self.messages if message.role == "user")

    @property
    def metadata(self) -> dict[str, JsonValue]:
        """The task's metadata, as it was submitted."""
        return self.lease.metadata

    def read[Input: BaseModel](self, model: type[Input]) -> Input:
        """Return the first data part as a record; raises pydantic's ValidationError, and ValueError without one."""
        for part in self.parts:
            if "data" in part.model_fields_set:
                return model.model_validate(part.data)
        raise ValueError("the task has no data part")

    async def progress(self, fraction: float | None = None, text: str | None = None) -> None:
        """Say how far the work is (0 to 1), in words, or both. Each call is an event that clients see."""
        message = None if text is None else agent_message(text)
        await self._send_usage(keep=1)
        await self._report(
            self._reports.report_progress(self.lease, fraction=fraction, message=message, usage=self._next_usage())
        )
        del self.pending_usage[:1]

    async def artifact(  # noqa: PLR0913 - the fields of an artifact
        self,
        content: Content,
        *,
        artifact_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        media_type: str | None = None,
        filename: str | None = None,
        metadata: dict[str, JsonValue] | None = None,
    ) -> None:
        """Add a result; large text or bytes go in several chunks, that readers see as the parts of one artifact."""
        fields = {"name": name, "description": description, "metadata": metadata}
        given = {field: value for field, value in fields.items() if value is not None}
        identifier = artifact_id or str(uuid.uuid4())
        chunks = split_parts(make_parts(content, media_type=media_type, filename=filename))
        for number, chunk in enumerate(chunks):
            described = given if number == 0 else {}
            await self._report(
                self._reports.append_artifact(
                    self.lease,
                    Artifact.model_validate({"artifact_id": identifier, "parts": chunk, **described}),
                    append=number > 0,
                    last_chunk=number == len(chunks) - 1,
                )
            )

    def usage(self, usage: Usage | None = None, **amounts: Any) -> None:  # noqa: ANN401 - fields of Usage
        """Count what was used, as a record or as fields: `task.usage(input_tokens=900)`; goes with the next report."""
        self.pending_usage.append(usage or Usage.model_validate(amounts))

    def reply(self, *contents: Content) -> None:
        """Set the message with which the task completes; a handler may also just return its content."""
        self.answer = agent_message(*contents)

    def wait[Result](self, report: Awaitable[Result]) -> Result:
        """Do `task.wait(task.progress(0.5))` from a blocking handler, which can't await."""
        return asyncio.run_coroutine_threadsafe(_await(report), self._loop).result()

    async def take_usage(self) -> Usage | None:
        """Send all pending usage but the last, and return that for the task's last report."""
        await self._send_usage(keep=1)
        return self._next_usage()

    def _next_usage(self) -> Usage | None:
        return self.pending_usage[0] if self.pending_usage else None

    async def _send_usage(self, keep: int) -> None:
        while len(self.pending_usage) > keep:
            await self._report(self._reports.report_progress(self.lease, usage=self.pending_usage[0]))
            del self.pending_usage[0]

    async def _report(self, report: Awaitable[object]) -> None:
        try:
            await report
        except (LeaseLostError, WrongStateError, NotFoundError):
            self.is_canceled = True
            raise


async def _await[Result](awaitable: Awaitable[Result]) -> Result:
    return await awaitable
