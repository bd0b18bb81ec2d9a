"""Schema versions of events: each older one leads to the newest, and what nobody can read is said clearly."""

from typing import Any

import pytest

from contracts.events import EVENT_TYPES, TaskProgressed
from contracts.upcasters import UPCASTERS, UnknownSchemaVersionError, upcast


def test_every_older_schema_version_has_an_upcaster_and_the_newest_has_none() -> None:
    older = {(name, version) for name, each in EVENT_TYPES.items() for version in range(1, each.schema_version)}
    assert set(UPCASTERS) == older


def test_upcasters_are_applied_one_after_the_other_and_change_nothing_they_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TaskProgressed, "schema_version", 3)
    upcasters = {
        ("task.progressed", 1): lambda data: {**data, "second": True},
        ("task.progressed", 2): lambda data: {**data, "third": len(data)},
    }
    monkeypatch.setattr("contracts.upcasters.UPCASTERS", upcasters)
    first: dict[str, Any] = {"attempt": 1}

    assert upcast(TaskProgressed, 1, first) == {"attempt": 1, "second": True, "third": 2}
    assert upcast(TaskProgressed, 2, first) == {"attempt": 1, "third": 1}
    assert upcast(TaskProgressed, 3, first) is first
    assert first == {"attempt": 1}


@pytest.mark.parametrize(
    ("version", "words"),
    [(4, "schema version 4, this release knows 3: update it"), (1, "no upcaster leads from 1 to 2")],
)
def test_a_version_that_nobody_can_read_says_so(monkeypatch: pytest.MonkeyPatch, version: int, words: str) -> None:
    monkeypatch.setattr(TaskProgressed, "schema_version", 3)
    with pytest.raises(UnknownSchemaVersionError, match=words):
        upcast(TaskProgressed, version, {})
