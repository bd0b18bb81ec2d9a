"""Asking people, being allowed things, and hearing more: the part of a `TaskContext` that talks.

Questions and approvals survive the worker. A handler that is run again, after its lease was given up or its worker
died, and asks the same again gets the recorded answer at once; nobody is asked twice.
"""

import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json

from client.approval_records import ApprovalReceipt
from client.content import Content, Message, agent_message, as_user_message
from client.errors import ConflictError
from client.lease_records import AnswerNote, Lease
from client.mailbox import Answered, Mailbox
from client.reports import Reports

__all__ = ["Conversation"]


class Conversation(ABC):
    """Questions, approvals and messages of one task; a part of `TaskContext`."""

    lease: Lease
    _reports: Reports
    _mailbox: Mailbox

    @abstractmethod
    async def send_usage(self, keep: int = 0) -> None:
        """Report what was used and not reported yet."""

    @abstractmethod
    async def _report[Result](self, report: Awaitable[Result]) -> Result:
        """Return what a call answers; note where it says that the task is gone."""

    @abstractmethod
    def stop(self, why: str) -> NoReturn:
        """End the handler here."""

    def _start_conversation(self) -> None:
        self.hurry: Callable[[int], None] = lambda _difference: None
        """Told +1 when the handler begins to wait for news and -1 when it has it; the worker sets it."""
        self._asked: Counter[bytes] = Counter()
        self._decided = [note for note in self.lease.answers if note.kind == "approval"]

    async def ask(
        self,
        *question: Content,
        schema: type[BaseModel] | Mapping[str, Any] | None = None,
        default: Message | Content | None = None,
        expires_in: int | None = None,
        keeps_lease: bool = True,
    ) -> Message:
        """Ask a person and return the answer; the task is `input_required` meanwhile.

        An answer to a `schema` (JSON Schema, or a record's type) fits it: `answer.data`. After `expires_in` seconds
        the default answers; without one the task fails. With `keeps_lease` false the handler ends here, the worker is
        free for other tasks, and after the answer the handler is run again from its start, by whichever worker.
        """
        message = agent_message(*question)
        answer_schema = schema.model_json_schema() if isinstance(schema, type) else schema
        request_id = self._question_id(message, answer_schema)
        if (known := self._mailbox.answers.get(request_id)) is not None:
            return known.message
        await self.send_usage()
        await self._report(
            self._reports.request_input(
                self.lease,
                message,
                request_id=request_id,
                answer_schema=answer_schema,
                default=None if default is None else as_user_message(default),
                expires_in_seconds=expires_in,
                keeps_lease=keeps_lease,
            )
        )
        return (await self._wait_for_answer(request_id, keeps_lease=keeps_lease)).message

    async def approve(
        self,
        operation: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        text: Content | None = None,
        keeps_lease: bool = True,
    ) -> ApprovalReceipt:
        """Ask to be allowed one operation with exactly these arguments, and make use of the approval: do it now, once.

        Look at `is_approved` of what comes back. A refusal or expiry ends the task, unless the rule of the agent's
        policy lets it go on without. `text` tells the people who decide what for. `keeps_lease` is as for `ask`.
        """
        shown = dict(arguments or {})
        if (earlier := await self._use_earlier(operation, shown)) is not None:
            return earlier
        await self.send_usage()
        message = None if text is None else agent_message(text)
        receipt: ApprovalReceipt = await self._report(
            self._reports.request_approval(self.lease, operation, shown, message=message, keeps_lease=keeps_lease)
        )
        if receipt.approval_id is None:
            return receipt
        answered = await self._wait_for_answer(receipt.approval_id, keeps_lease=keeps_lease)
        if answered.note.status != "approved":
            return receipt.model_copy(update={"status": answered.note.status})
        used: ApprovalReceipt = await self._report(
            self._reports.use_approval(self.lease, receipt.approval_id, operation, shown)
        )
        return used

    async def next_message(self) -> Message:
        """Return the next message that somebody sent after the submission, in order and each once; waits for it.

        Answers are not among them. Put it into `asyncio.timeout` to give up.
        """
        with self._in_a_hurry():
            return await self._mailbox.wait_for(self._mailbox.take)

    def take_messages(self) -> tuple[Message, ...]:
        """Return what `next_message` would return without waiting."""
        return tuple(iter(self._mailbox.take, None))

    async def follow_messages(self) -> AsyncIterator[Message]:
        """Yield the messages after the submission as they come, for as long as the handler runs."""
        while True:
            yield await self.next_message()

    async def _wait_for_answer(self, request_id: UUID, *, keeps_lease: bool) -> Answered:
        if not keeps_lease:
            self.stop("the task waits for a person, and its lease was given up")
        with self._in_a_hurry():
            return await self._mailbox.wait_for(lambda: self._mailbox.answers.get(request_id))

    async def _use_earlier(self, operation: str, arguments: dict[str, Any]) -> ApprovalReceipt | None:
        """Return the decision on the same wish of an earlier run, made use of where it was a yes; None without one."""
        for note in tuple(self._decided):
            try:
                used: ApprovalReceipt = await self._report(
                    self._reports.use_approval(self.lease, note.request_id, operation, arguments)
                )
            except ConflictError as error:
                if error.code == "other_operation":
                    continue
                self._decided.remove(note)
                if error.code == "not_approved":
                    return self._decision(note)
                if error.code != "approval_used":
                    raise
                continue
            self._decided.remove(note)
            return used
        return None

    def _decision(self, note: AnswerNote) -> ApprovalReceipt:
        return ApprovalReceipt.model_validate(
            {"approval_id": note.request_id, "status": note.status, "task_id": self.lease.task_id}
        )

    def _question_id(self, message: Message, schema: Mapping[str, Any] | None) -> UUID:
        """Return the same id for the same question of any run; the second time in a run it is another question."""
        content = to_json([message.model_dump(mode="json")["parts"], schema])
        self._asked[content] += 1
        return uuid.uuid5(self.lease.task_id, f"{self._asked[content]} {content.decode()}")

    @contextmanager
    def _in_a_hurry(self) -> Iterator[None]:
        """Let heartbeats come more often while the handler waits for what they bring."""
        self.hurry(1)
        try:
            yield
        finally:
            self.hurry(-1)
