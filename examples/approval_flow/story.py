"""The whole flow, told line by line: approved by two, refused by one, expired, and not needed at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from client import Approval, BureauClient, PermissionDeniedError, Worker
from examples.approval_flow.handler import POLICY, tidy_up
from examples.connecting import register, unique_name

__all__ = ["People", "play"]


@dataclass(frozen=True, slots=True)
class People:
    """Who takes part: one who gives tasks and runs the worker, and two operators."""

    owner: BureauClient
    ada: BureauClient
    grace: BureauClient


async def play(people: People, tell: Callable[[str, str], None]) -> dict[str, str]:
    """Play the four tasks through and return what the agent said at the end of each; `tell` gets who and what."""
    agent = unique_name("janitor")
    await register(people.owner, agent, "Tidies up, and asks before.", POLICY)
    ends: dict[str, str] = {}
    async with _working(people.owner, agent):
        for text, decide in (
            ("drop orders_2019", _approve_together),
            ("drop customers", _refuse),
            ("flush sessions", _let_pass),
            ("look orders", _no_decision),
        ):
            tell("owner", f"asks the agent: {text}")
            receipt = await people.owner.submit_task(agent, text)
            await decide(people, receipt.task_id, tell)
            task = await people.owner.wait_for_task(receipt.task_id)
            ends[text] = task.status.message.text if task.status.message else task.status.state.value
            tell("agent", ends[text])
    return ends


@asynccontextmanager
async def _working(client: BureauClient, agent: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = Worker(client, [agent])
    worker.handler(tidy_up)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def _approve_together(people: People, task_id: UUID, tell: Callable[[str, str], None]) -> None:
    approval = await _find_approval(people.ada, task_id)
    _tell_of(approval, tell)
    try:
        await people.owner.decide_approval(approval.approval_id, "approve")
    except PermissionDeniedError as error:
        tell("owner", f"may not approve: {error.code}")
    first = await people.ada.decide_approval(approval.approval_id, "approve", reason="It is the old one.")
    tell("ada", f"approves; the approval is {first.status}")
    second = await people.grace.decide_approval(approval.approval_id, "approve", reason="There is a backup.")
    tell("grace", f"approves; the approval is {second.status}")


async def _refuse(people: People, task_id: UUID, tell: Callable[[str, str], None]) -> None:
    approval = await _find_approval(people.grace, task_id)
    _tell_of(approval, tell)
    receipt = await people.grace.decide_approval(approval.approval_id, "refuse", reason="These are in use!")
    tell("grace", f"refuses; the approval is {receipt.status}")


async def _let_pass(people: People, task_id: UUID, tell: Callable[[str, str], None]) -> None:
    approval = await _find_approval(people.ada, task_id)
    _tell_of(approval, tell)
    tell("ada", f"is at lunch until {approval.expires_at:%H:%M:%S} has passed")


async def _no_decision(_people: People, _task_id: UUID, tell: Callable[[str, str], None]) -> None:
    tell("nobody", "need approve that: no rule covers it")


async def _find_approval(person: BureauClient, task_id: UUID) -> Approval:
    """Return the approval that a task waits for, once it is there."""
    while True:
        async for approval in person.iterate_approvals(status="pending", task_id=task_id):
            return approval
        await asyncio.sleep(0.05)


def _tell_of(approval: Approval, tell: Callable[[str, str], None]) -> None:
    tell("agent", f"waits to do {approval.operation}: {approval.required} must approve ({approval.approval_id})")
