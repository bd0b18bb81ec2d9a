"""From decided events to what is stored: the finished envelope and its place on the line."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import orjson

from command_api.services.aggregates import AGGREGATE_TYPES
from command_api.services.command_request import CommandContext, Outcome
from contracts.envelope import EVENT_SOURCE
from contracts.events import Event, TaskApprovalResolved, TaskInputProvided, TaskMessageAdded, TaskSubmitted
from contracts.streams import shard_of
from infrastructure.write_store import EventRecord, MessageRecord

__all__ = ["event_records", "message_records", "root_of"]


def root_of(outcome: Outcome) -> UUID:
    """Return the root of an outcome's aggregate: what belongs to a task goes to the task's shard."""
    kind, aggregate_id, _ = outcome.assignment
    return aggregate_id if outcome.state is None else AGGREGATE_TYPES[kind].root_of(outcome.state)


def _envelope(event: Event, record: dict[str, str | int]) -> bytes:
    """Return CloudEvents 1.0 structured JSON; the data, already JSON, is set in as it is."""
    attributes = orjson.dumps({"specversion": "1.0", "source": EVENT_SOURCE, "type": event.type, **record})
    data = event.model_dump_json(exclude_none=True).encode()
    return b'%b,"datacontenttype":"application/json","data":%b}' % (attributes[:-1], data)


def event_records(
    outcome: Outcome, context: CommandContext, at: datetime, event_ids: Iterator[UUID], shards: int
) -> Iterator[EventRecord]:
    """Return the log's rows for an outcome's events, generations ascending; ids are taken from `event_ids`."""
    if outcome.state is None:
        return
    kind, aggregate_id, _ = outcome.assignment
    root_id = root_of(outcome)
    shard = shard_of(root_id, shards)
    first_generation = outcome.state.generation - len(outcome.events) + 1
    for generation, event in enumerate(outcome.events, start=first_generation):
        event_id = next(event_ids)
        envelope = _envelope(
            event,
            {
                "id": str(event_id),
                "subject": f"{kind}/{aggregate_id}",
                "time": at.isoformat(),
                "partitionkey": str(root_id),
                "workspaceid": context.key.workspace_id,
                "aggregateversion": generation,
                "schemaversion": event.schema_version,
                "correlationid": context.correlation_id,
                "causationid": context.causation_id,
                "traceparent": context.traceparent,
            },
        )
        yield EventRecord(shard, event_id, event.type, kind, aggregate_id, generation, root_id, envelope)


def message_records(outcome: Outcome) -> Iterator[MessageRecord]:
    """Return the content that workers are handed, which the aggregate's state does not hold."""
    _, task_id, _ = outcome.assignment
    for event in outcome.events:
        match event:
            case TaskSubmitted():
                fields, ordinal = {"message", "metadata", "reference_task_ids"}, 1
            case TaskMessageAdded():
                fields, ordinal = {"message"}, event.ordinal
            case TaskApprovalResolved():
                fields, ordinal = {"message", "approval_id", "status"}, event.ordinal
            case TaskInputProvided():
                fields, ordinal = {"message", "request_id", "is_default"}, event.ordinal
            case _:
                continue
        yield MessageRecord(task_id, ordinal, event.model_dump_json(include=fields, exclude_none=True).encode())
