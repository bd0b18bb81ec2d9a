"""docs/events.md: its reference is the contracts', and its consumer really consumes."""

import json
import re
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from command_api.services.aggregates import AGGREGATE_TYPES
from contracts.envelope import Envelope
from contracts.events import EVENT_TYPES, read_event
from contracts.streams import stream_name
from tests.documentation.event_reference import EXAMPLES, PAGE, envelope_of, write_reference


def test_the_reference_is_the_contracts() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_reference(), "docs/events.md is out of date: make contract"


def test_every_event_has_an_example_that_reads_back() -> None:
    assert [event.type for event in EXAMPLES] == list(EVENT_TYPES)
    for event in EXAMPLES:
        assert read_event(envelope_of(event)) == event


def test_the_table_names_every_attribute_of_the_envelope() -> None:
    named = set(re.findall(r"^\| `([a-z]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named == set(Envelope.model_fields) - {"specversion", "source", "datacontenttype"}


def test_the_page_names_every_kind_of_subject_and_root() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `subject` \| (.*) \|$", page, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)/<id>`", row)) == set(AGGREGATE_TYPES)
    state = SimpleNamespace(**{f"{kind}_id": kind for kind in AGGREGATE_TYPES})
    roots = {kind: aggregate.root_of(state) for kind, aggregate in AGGREGATE_TYPES.items()}
    assert roots == {"agent": "agent", "approval": "task", "budget": "budget", "task": "task"}, "say so on the page"


@pytest.fixture
def consumer() -> dict[str, Any]:
    """The page's program, as a module that was imported."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    names: dict[str, Any] = {"__name__": "consumer"}
    exec(compile(blocks[0], "docs/events.md", "exec"), names)  # noqa: S102 - the page's own words
    return names


def test_the_consumer_of_the_page_handles_each_event_once(consumer: dict[str, Any], redis_url: str) -> None:
    consume: Callable[..., int] = consumer["consume"]
    completed = next(event for event in EXAMPLES if event.type == "task.completed")
    envelope = envelope_of(completed).model_dump_json()
    fields = {"event_id": json.loads(envelope)["id"], "__data__": envelope}
    with (
        Redis.from_url(redis_url, decode_responses=True, protocol=2) as redis,
        sqlite3.connect(":memory:") as database,
    ):
        database.executescript("CREATE TABLE seen (id TEXT PRIMARY KEY); CREATE TABLE completed (subject, time)")
        redis.xadd(stream_name(3), fields, id="1-1")
        consumer["create_groups"](redis)
        consumer["create_groups"](redis)
        assert consumer["read_batch"](redis)  # given, then the consumer stops before it acknowledged
        assert consume(redis, database) == 1
        assert redis.xpending(stream_name(3), consumer["GROUP"])["pending"] == 0
        redis.xgroup_setid(stream_name(3), consumer["GROUP"], "0")  # given once more
        assert consume(redis, database) == 1
        assert database.execute("SELECT count(*) FROM completed").fetchone() == (1,)
    database.close()
