"""What a handler gets: the task to do, and the ways to report on it, to ask, and to listen.

The methods are coroutines. A blocking handler, which runs in a thread, calls them through `task.wait(...)`.
"""

import asyncio
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from pydantic import BaseModel, JsonValue

from client.chunks import split_parts
from client.content import Artifact, Content, Message, Part, TaskState, Usage, agent_message, make_parts
from client.conversation import Conversation
from client.errors import BureauError, LeaseLostError, NotFoundError, TaskCanceledError, is_refusal
from client.lease_records import BudgetNotice, Heartbeat, Lease
from client.mailbox import Mailbox
from client.reports import Reports
from client.stopping import TaskStoppedError

__all__ = ["TaskContext"]


@dataclass(frozen=True, slots=True)
class _Report:
    """A report of progress, of what was used or both, and the key that it is repeated under."""

    fraction: float | None
    message: Message | None
    usage: Usage | None
    key: str = field(default_factory=lambda: str(uuid.uuid4()))


class TaskContext(Conversation):
    """One task in a handler's hands.

    `lease` is the task as it was leased; `budgets` those over it that are nearly spent and `deadline` when it must be
    over, as the last heartbeat told. `is_canceled` becomes True when the task was canceled or its lease lost, or waits
    without this worker. A coroutine is then cancelled as well; a blocking handler should look at it now and then, and
    return.
    """

    def __init__(self, lease: Lease, reports: Reports) -> None:
        self.lease = lease
        self.budgets: tuple[BudgetNotice, ...] = ()
        self.deadline: datetime | None = lease.deadline
        self.is_canceled = False
        self.is_done = False
        self.must_acknowledge = False
        self.answer: Message | None = None
        self.pending_usage: list[Usage] = []
        self._unanswered: list[_Report] = []
        self._reports = reports
        self._loop = asyncio.get_running_loop()
        self._mailbox = Mailbox()
        self._mailbox.add(lease.messages, lease.answers)
        self._start_conversation()

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages to the worker so far, answers included, the oldest first; the first is the task itself."""
        return tuple(self._mailbox.messages)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the message that the task was submitted with."""
        return self.lease.messages[0].parts

    @property
    def text(self) -> str:
        """All text and files that the task was submitted with, as text."""
        return self.lease.messages[0].text

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
        await self.send_usage(keep=1)
        await self._report_with_usage(fraction, message)

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

    async def read_artifacts(self) -> tuple[Artifact, ...]:
        """Return the task's artifacts so far, those of earlier attempts as well: where a takeover goes on from."""
        return await self._reports.get_artifacts(self.lease.task_id)

    def usage(self, usage: Usage | None = None, **amounts: Any) -> None:  # noqa: ANN401 - fields of Usage
        """Count what was used, as a record or as fields: `task.usage(input_tokens=900)`; goes with the next report."""
        self.pending_usage.append(usage or Usage.model_validate(amounts))

    async def report_usage(self, usage: Usage | None = None, **amounts: Any) -> None:  # noqa: ANN401 - fields of Usage
        """Report what was used at once; where that spends a budget, the handler ends here (see `TaskStoppedError`)."""
        self.usage(usage, **amounts)
        await self.send_usage()

    def reply(self, *contents: Content) -> None:
        """Set the message with which the task completes; a handler may also just return its content."""
        self.answer = agent_message(*contents)

    def wait[Result](self, report: Awaitable[Result]) -> Result:
        """Do `task.wait(task.progress(0.5))` from a blocking handler, which can't await."""
        return asyncio.run_coroutine_threadsafe(_await(report), self._loop).result()

    async def last_usage(self) -> Usage | None:
        """Send all pending usage but one, and return that for the task's last report.

        It stays pending: where that report is refused, it goes with another.
        """
        await self.settle_usage()
        await self.send_usage(keep=1)
        return self.pending_usage[0] if self.pending_usage else None

    async def settle_usage(self) -> None:
        """Repeat the reports of usage that may have counted, for their answers were lost, each under its own key.

        What is refused did not count and is pending again; raises BureauError where there is still no answer.
        """
        while self._unanswered:
            try:
                await self._send(self._unanswered.pop(0))
            except BureauError as error:
                if not is_refusal(error):
                    raise

    def receive(self, heartbeat: Heartbeat) -> None:
        """Take in what a heartbeat told; the worker does it."""
        self.budgets, self.deadline = heartbeat.budgets, heartbeat.deadline
        self._mailbox.add(heartbeat.messages, heartbeat.answers)

    async def send_usage(self, keep: int = 0) -> None:
        """Report pending usage, but for so many."""
        while len(self.pending_usage) > keep:
            await self._report_with_usage(None, None)

    async def _report_with_usage(self, fraction: float | None, message: Message | None) -> None:
        """Report, and with it the oldest pending usage."""
        await self.settle_usage()
        await self._send(_Report(fraction, message, self.pending_usage.pop(0) if self.pending_usage else None))

    async def _send(self, report: _Report) -> None:
        """Send a report; its usage is pending again where it was refused, and to be settled where no answer came."""
        try:
            receipt = await self._report(
                self._reports.report_progress(
                    self.lease,
                    fraction=report.fraction,
                    message=report.message,
                    usage=report.usage,
                    idempotency_key=report.key,
                )
            )
        except BaseException as error:
            if report.usage is not None:
                if is_refusal(error) or isinstance(error, ValueError):  # refused, or never sent
                    self.pending_usage.insert(0, report.usage)
                else:
                    self._unanswered.insert(0, report)
            raise
        if receipt is not None and receipt.state is not TaskState.WORKING:
            self.stop(f"the report spent a budget: the task is {receipt.state}")

    async def _report[Answer](self, report: Awaitable[Answer]) -> Answer:
        try:
            answer = await report
        except (LeaseLostError, NotFoundError, TaskCanceledError) as error:
            self.is_canceled = True
            self.must_acknowledge = isinstance(error, TaskCanceledError)
            raise
        return answer

    def stop(self, why: str) -> NoReturn:
        """End the handler here: the task goes on later, perhaps at another worker, or never."""
        self.is_canceled = True
        raise TaskStoppedError(why)


async def _await[Result](awaitable: Awaitable[Result]) -> Result:
    return await awaitable
