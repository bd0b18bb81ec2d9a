"""The commands of a conversation, and what ends a task otherwise, with everything filled in."""

from decimal import Decimal
from uuid import UUID

from contracts.a2a import Message, Part, Role
from contracts.usage import Usage
from domain.task import AcknowledgeCancel, AddMessage, ProvideInput, RejectTask, ReleaseTask, RequestInput, TimeOutTask
from tests.domain.samples import MESSAGE, NOON, at

__all__ = [
    "QUESTION",
    "QUESTION_ID",
    "USAGE",
    "acknowledge",
    "add_message",
    "answer",
    "ask",
    "reject",
    "release",
    "time_out",
]

QUESTION_ID = UUID("01a1ff4e-7a00-7000-8000-00000000000c")
USAGE = Usage(input_tokens=7, cost=Decimal("0.5"))
QUESTION = Message(message_id="q-1", role=Role.AGENT, parts=(Part(text="which one?"),))


def acknowledge(number: int | None = 1, usage: Usage | None = None) -> AcknowledgeCancel:
    return AcknowledgeCancel(at=NOON, lease_number=number, usage=usage)


def reject(number: int | None = 1, **changes: object) -> RejectTask:
    return RejectTask(at=NOON, lease_number=number, reason="not my trade", message=None).model_copy(update=changes)


def release(number: int | None = 1, seconds_after_noon: float = 0, usage: Usage | None = None) -> ReleaseTask:
    return ReleaseTask(at=at(seconds_after_noon), lease_number=number, usage=usage)


def add_message(message: Message = MESSAGE) -> AddMessage:
    return AddMessage(at=NOON, message=message)


def ask(number: int | None = 1, seconds_after_noon: float = 0, **changes: object) -> RequestInput:
    command = RequestInput(
        at=at(seconds_after_noon),
        lease_number=number,
        request_id=QUESTION_ID,
        message=QUESTION,
        answer_schema=None,
        expires_in_seconds=None,
        default=None,
        keeps_lease=False,
    )
    return command.model_copy(update=changes)


def answer(seconds_after_noon: float = 0, **changes: object) -> ProvideInput:
    command = ProvideInput(at=at(seconds_after_noon), message=MESSAGE, request_id=None)
    return command.model_copy(update=changes)


def time_out(seconds_after_noon: float, share: float = 0) -> TimeOutTask:
    return TimeOutTask(at=at(seconds_after_noon), share=share)
