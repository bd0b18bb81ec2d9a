"""The reference part of docs/events.md, made from the contracts: `python -m tests.documentation.event_reference`.

Run it after a change of an event: it writes the part anew; a test fails while page and contracts differ.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from inspect import cleandoc
from pathlib import Path
from typing import Any
from uuid import UUID

from contracts.a2a import AgentCard, AgentSkill, Artifact, Message, Part, Role
from contracts.agents import AgentPolicy
from contracts.envelope import Envelope
from contracts.events import (
    EVENT_TYPES,
    AgentPaused,
    AgentRegistered,
    AgentResumed,
    AgentRetired,
    AgentUpdated,
    Event,
    TaskArtifactAppended,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from contracts.usage import Usage
from tests.documentation.event_examples import AGENT, TASK, WAITING_EXAMPLES

_APPROVAL, _BUDGET = UUID("01a1ff4e-7a00-7000-8000-0000000000aa"), UUID("01a1ff4e-7a00-7000-8000-0000000000bb")

__all__ = ["BEGIN", "END", "EXAMPLES", "PAGE", "envelope_of", "write_reference"]

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
BEGIN, END = "<!-- reference: made by tests/documentation/event_reference.py -->", "<!-- end of reference -->"
_CARD = AgentCard(
    description="Answers questions about invoices.",
    version="1",
    skills=(AgentSkill(id="invoices", name="Invoices", description="Finds and explains invoices.", tags=("billing",)),),
)
_QUESTION = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Why is invoice 7 so high?"),))
_ANSWER = Message(message_id="m-2", role=Role.AGENT, parts=(Part(text="It holds two months."),))
_TABLE = Artifact(artifact_id="lines", name="Lines", parts=(Part(data=[["March", 40], ["April", 42]]),))

EXAMPLES: tuple[Event, ...] = (
    AgentRegistered(agent_id=AGENT, name="billing", card=_CARD, policy=AgentPolicy()),
    AgentUpdated(name="billing", card=_CARD, policy=AgentPolicy(lease_seconds=120)),
    AgentPaused(reason="maintenance"),
    AgentResumed(),
    AgentRetired(reason="replaced by billing-2"),
    TaskSubmitted(
        task_id=TASK,
        agent_id=AGENT,
        context_id="customer-17",
        message=_QUESTION,
        priority=5,
        max_attempts=3,
        metadata={"customer": 17},
        reference_task_ids=(),
    ),
    TaskStarted(attempt=1, worker="worker-a"),
    TaskAttemptStarted(attempt=2, worker="worker-b"),
    TaskProgressed(attempt=1, fraction=0.5, message=None),
    TaskArtifactAppended(attempt=1, artifact=_TABLE, append=False, last_chunk=True),
    TaskUsageReported(
        attempt=1,
        usage=Usage(model="small-1", input_tokens=812, output_tokens=64, cost=Decimal("0.002")),
        agent_id=AGENT,
        context_id="customer-17",
        report=1,
    ),
    TaskCompleted(attempt=1, message=_ANSWER),
    TaskFailed(attempt=3, code="attempts_exhausted", reason="The lease was lost three times.", message=None),
    TaskCanceled(reason="asked by the customer"),
    *WAITING_EXAMPLES,
)


def envelope_of(event: Event) -> Envelope:
    """Return an envelope as it would stand in the log."""
    kind = event.type.partition(".")[0]
    subject = {"agent": AGENT, "task": TASK, "approval": _APPROVAL, "budget": _BUDGET}[kind]
    # What belongs to a task has the task as its root.
    root = TASK if kind == "approval" else subject
    return Envelope(
        id=UUID("01a1ff4e-7a00-7000-8000-00000000000e"),
        type=event.type,
        subject=f"{kind}/{subject}",
        time=datetime(2026, 11, 22, 12, 30, 1, 234567, tzinfo=UTC),
        partitionkey=root,
        workspaceid="default",
        aggregateversion=1,
        schemaversion=event.schema_version,
        correlationid="01a1ff4e-79ff-7000-8000-00000000000c",
        causationid="01a1ff4e-79ff-7000-8000-00000000000c",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=event.model_dump(mode="json", exclude_none=True),
    )


def write_reference() -> str:
    """Return the page as it should be."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    whole = next(event for event in EXAMPLES if event.type == "task.submitted")
    parts = ["A whole envelope:", _block(envelope_of(whole).model_dump(mode="json"))]
    for event in EXAMPLES:
        parts += [f"### `{event.type}`", _words(event), _block(envelope_of(event).data)]
    return f"{head}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{tail}"


def _words(event: Event) -> str:
    words = cleandoc(type(event).__doc__ or "")
    return f"{words}\n\nSchema version {event.schema_version}; `data`:"


def _block(value: Any) -> str:  # noqa: ANN401 - any JSON
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


if __name__ == "__main__":
    assert {event.type for event in EXAMPLES} == set(EVENT_TYPES)
    PAGE.write_text(write_reference(), encoding="utf-8")
