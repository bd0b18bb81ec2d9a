"""What a worker has been handed of a task's messages: kept in order, handed on once, waited for."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from client.content import Message
from client.lease_records import AnswerNote

__all__ = ["Answered", "Mailbox"]


class Answered(NamedTuple):
    """An answer, and what it answers."""

    note: AnswerNote
    message: Message


class Mailbox:
    """The messages of one task in the order of their ordinals, from 1; it belongs to one event loop."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: dict[UUID, Answered] = {}
        self._unread: deque[Message] = deque()
        self._news = asyncio.Event()

    def add(self, messages: Sequence[Message], notes: Sequence[AnswerNote]) -> None:
        """Take in the messages behind those that are here, and what some of them answer."""
        by_ordinal = {note.ordinal: note for note in notes}
        for ordinal, message in enumerate(messages, start=len(self.messages) + 1):
            self.messages.append(message)
            note = by_ordinal.get(ordinal)
            if note is not None:
                self.answers[note.request_id] = Answered(note, message)
            elif ordinal > 1:  # the first is the task itself
                self._unread.append(message)
        self._news.set()

    def take(self) -> Message | None:
        """Return the next message that was not taken yet, None where there is none now."""
        return self._unread.popleft() if self._unread else None

    async def wait_for[Found](self, find: Callable[[], Found | None]) -> Found:
        """Return what `find` finds, asked again whenever something new is here."""
        while (found := find()) is None:
            self._news.clear()
            await self._news.wait()
        return found
