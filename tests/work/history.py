"""What the log says of tasks whose workers were killed and stopped: one end each, no fenced write, nobody forgotten."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from infrastructure.postgres import Pool

__all__ = ["TERMINAL", "find_stuck", "find_wrong_ends", "find_wrong_writes", "read_histories"]

type History = list[dict[str, Any]]

TERMINAL = frozenset({"task.completed", "task.failed", "task.canceled", "task.rejected"})
_STARTS = frozenset({"task.started", "task.attempt_started"})


async def read_histories(pool: Pool) -> dict[str, History]:
    """Return the envelopes of each task, oldest first."""
    rows = await pool.fetch(
        "SELECT aggregate_id::text AS task_id, envelope FROM log.events WHERE aggregate_kind = 'task'"
        " ORDER BY shard, position"
    )
    histories: dict[str, History] = {}
    for row in rows:
        histories.setdefault(row["task_id"], []).append(json.loads(row["envelope"]))
    return histories


def find_wrong_ends(histories: dict[str, History]) -> list[str]:
    """Return the tasks that did not end exactly once, with nothing behind their end."""
    return [
        f"{task_id}: {[event['type'] for event in history]}"
        for task_id, history in histories.items()
        if [event["type"] in TERMINAL for event in history] != [False] * (len(history) - 1) + [True]
    ]


def find_wrong_writes(histories: dict[str, History]) -> list[str]:
    """Return what was accepted from somebody who did not have the task then: the message says who wrote it."""
    return [wrong for task_id, history in histories.items() for wrong in _wrong_writes(task_id, history)]


def _wrong_writes(task_id: str, history: History) -> Iterator[str]:
    """Follow who has the task."""
    holder, attempt = "", 0
    for event in history:
        data = event["data"]
        if event["type"] in _STARTS:
            if holder or data["attempt"] != attempt + 1:
                yield f"{task_id}: attempt {data['attempt']} started while {holder or 'nobody'} had attempt {attempt}"
            holder, attempt = data["worker"], data["attempt"]
        elif event["type"] == "task.resumed":
            if holder or data["attempt"] != attempt:
                yield f"{task_id}: attempt {data['attempt']} went on while {holder or 'nobody'} had attempt {attempt}"
            holder = data["worker"]
        elif event["type"] in {"task.attempt_failed", "task.released"}:
            holder = ""
        elif event["type"] in {"task.progressed", "task.completed"}:
            said = data["message"]["parts"][0]["text"]
            if said != f"{holder} {attempt}" or data["attempt"] != attempt:
                yield f"{task_id}: {event['type']} of {said} while {holder or 'nobody'} had attempt {attempt}"


def find_stuck(histories: dict[str, History], lease: timedelta, slack: timedelta) -> list[str]:
    """Return what took too long: missing a silent worker, or coming again before others that were ready later."""
    silent = [
        f"{task_id}: missed after {_time(failed) - _time(before)}"
        for task_id, history in histories.items()
        for before, failed in pairwise(history)
        if failed["type"] == "task.attempt_failed" and _time(failed) - _time(before) > lease + slack
    ]
    return silent + _overtaken([wait for history in histories.values() for wait in _waits(history)], slack)


def _waits(history: History) -> Iterator[tuple[datetime, datetime]]:
    """Yield when a task was ready, and when somebody took it."""
    for before, event in pairwise(history):
        if event["type"] in _STARTS or before["type"] == "task.released":
            retry_at = before["data"].get("retry_at")
            yield datetime.fromisoformat(retry_at) if retry_at else _time(before), _time(event)


def _overtaken(waits: Sequence[tuple[datetime, datetime]], slack: timedelta) -> list[str]:
    """Return who was ready first and taken last, by more than the slack both times."""
    wrong = []
    earliest_taken: datetime | None = None
    # From the last ready to the first: was any that was ready later taken earlier?
    pending = sorted(waits, reverse=True)
    later = iter(pending)
    candidate = next(later, None)
    for ready, taken in pending:
        while candidate is not None and candidate[0] > ready + slack:
            earliest_taken = candidate[1] if earliest_taken is None else min(earliest_taken, candidate[1])
            candidate = next(later, None)
        if earliest_taken is not None and taken > earliest_taken + slack:
            wrong.append(f"ready at {ready}, taken at {taken}, others before at {earliest_taken}")
    return wrong


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])
