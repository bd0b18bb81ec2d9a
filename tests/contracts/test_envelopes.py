"""The bytes of an event as the log keeps them: CloudEvents 1.0.2 that anybody can read back."""

import json
from uuid import UUID

import pytest
from pydantic import ValidationError

from command_api.services.command_request import Assignment, CommandContext, Outcome
from command_api.services.envelopes import event_records, message_records
from contracts.a2a import Message
from contracts.envelope import Envelope
from contracts.events import (
    EVENT_TYPES,
    AgentResumed,
    Event,
    TaskCanceled,
    TaskStarted,
    UnknownEventTypeError,
    read_event,
)
from contracts.streams import shard_of
from domain.agent import PauseAgent
from domain.task import Task, TaskQueued, evolve_task
from infrastructure.write_store import CommandKey, EventRecord
from tests.contracts.event_samples import AT, EVENTS, MESSAGE, ROOT, SUBMITTED

EVENT_ID = UUID("01a1ff4e-7a00-7000-8000-00000000000e")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONTEXT = CommandContext(
    key=CommandKey("default", "key-1", "k"),
    fingerprint=b"",
    correlation_id='c-"1"\\',
    causation_id="r-1",
    traceparent=TRACEPARENT,
)


def a_task(generation: int) -> Task:
    return evolve_task(None, SUBMITTED).model_copy(update={"generation": generation})


def records_of(*events: Event, generation: int = 7) -> list[EventRecord]:
    """Return the log's rows for events that led to a generation."""
    assignment = Assignment("task", ROOT, PauseAgent(at=AT, reason=None))
    outcome = Outcome(assignment, a_task(generation), events, has_changed=True, rejection=None)
    ids = (UUID(int=EVENT_ID.int + number) for number in range(len(events)))
    return list(event_records(outcome, CONTEXT, AT, ids, shards=16))


def test_every_event_is_tried_here() -> None:
    assert {event.type for event in EVENTS} == set(EVENT_TYPES)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_comes_back_from_its_envelope(event: Event) -> None:
    (record,) = records_of(event)
    envelope = Envelope.model_validate_json(record.envelope)

    assert read_event(envelope) == event
    assert type(read_event(envelope)) is type(event)


def test_the_envelope_is_cloud_events_with_our_attributes() -> None:
    (record,) = records_of(AgentResumed())

    assert json.loads(record.envelope) == {
        "specversion": "1.0",
        "id": str(EVENT_ID),
        "source": "bureau",
        "type": "agent.resumed",
        "subject": f"task/{ROOT}",
        "time": "2026-11-22T12:30:01.234567+00:00",
        "datacontenttype": "application/json",
        "partitionkey": str(ROOT),
        "workspaceid": "default",
        "aggregateversion": 7,
        "schemaversion": 1,
        "correlationid": 'c-"1"\\',
        "causationid": "r-1",
        "traceparent": TRACEPARENT,
        "data": {},
    }


def test_an_envelope_names_its_aggregate() -> None:
    envelope = Envelope.model_validate_json(records_of(SUBMITTED)[0].envelope)

    assert (envelope.aggregate_kind, envelope.aggregate_id, envelope.time) == ("task", ROOT, AT)


def test_several_events_of_a_command_count_up_to_the_states_generation() -> None:
    records = records_of(SUBMITTED, TaskStarted(attempt=1, worker="w"), TaskCanceled(reason="r"), generation=9)

    assert [record.generation for record in records] == [7, 8, 9]
    assert len({record.event_id for record in records}) == 3
    assert {(record.shard, record.root_id, record.aggregate_kind) for record in records} == {
        (shard_of(ROOT, 16), ROOT, "task")
    }
    versions = [Envelope.model_validate_json(record.envelope).aggregateversion for record in records]
    assert versions == [7, 8, 9]


def test_a_refused_assignment_has_no_rows() -> None:
    outcome = Outcome(
        Assignment("task", ROOT, PauseAgent(at=AT, reason=None)), None, (), has_changed=False, rejection=None
    )

    assert list(event_records(outcome, CONTEXT, AT, iter(()), shards=16)) == []


def test_what_a_worker_is_handed_is_the_message_with_its_nulls() -> None:
    outcome = Outcome(
        Assignment("task", ROOT, PauseAgent(at=AT, reason=None)),
        a_task(1),
        (SUBMITTED, TaskStarted(attempt=1, worker="w")),
        has_changed=True,
        rejection=None,
    )

    (handed,) = message_records(outcome)
    body = json.loads(handed.body)
    assert (handed.task_id, handed.ordinal) == (ROOT, 1)
    assert Message.model_validate(body.pop("message")) == MESSAGE
    assert body == {"metadata": {"deep": {"null": None}}, "reference_task_ids": ["t-0"]}


def test_an_attribute_of_a_later_version_is_ignored() -> None:
    attributes = json.loads(records_of(AgentResumed())[0].envelope)

    assert read_event(Envelope.model_validate(attributes | {"futureattribute": 1})) == AgentResumed()


def test_an_event_type_of_a_later_version_is_told_by_name() -> None:
    attributes = json.loads(records_of(AgentResumed())[0].envelope)

    with pytest.raises(UnknownEventTypeError, match=r"agent\.cloned"):
        read_event(Envelope.model_validate(attributes | {"type": "agent.cloned"}))


@pytest.mark.parametrize("change", [{"specversion": "0.3"}, {"data": []}, {"id": "x"}, {"subject": None}])
def test_what_is_no_envelope_is_refused(change: dict[str, object]) -> None:
    attributes = json.loads(records_of(AgentResumed())[0].envelope)

    with pytest.raises(ValidationError):
        Envelope.model_validate(attributes | change)


def test_a_fact_is_no_event() -> None:
    assert not isinstance(TaskQueued(ready_at=AT), Event)
