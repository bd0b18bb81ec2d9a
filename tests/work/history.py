"""What the log says of tasks whose workers were killed and stopped: one end each, no fenced write, nobody forgotten."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from infrastructure.postgres import Pool

__all__ = [
    "TERMINAL",
    "find_overtaken",
    "find_wrong_ends",
    "find_wrong_writes",
    "measure_misses",
    "note_leases",
    "read_expiries",
    "read_histories",
]

type History = list[dict[str, Any]]
type Expiries = dict[tuple[str, int], datetime]
"""When the last lease of each task and attempt ran out."""

TERMINAL = frozenset({"task.completed", "task.failed", "task.canceled", "task.rejected"})
_STARTS = frozenset({"task.started", "task.attempt_started"})
_NOTE_LEASES = """
CREATE TABLE public.noted_leases (task_id uuid, attempt integer, expires_at timestamptz);
CREATE FUNCTION public.note_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO public.noted_leases
    SELECT NEW.id, (NEW.state ->> 'attempt')::integer, (NEW.state -> 'lease' ->> 'expires_at')::timestamptz;
  RETURN NULL;
END $$;
CREATE TRIGGER note_lease AFTER UPDATE ON write.aggregates FOR EACH ROW
  WHEN (NEW.kind = 'task' AND NEW.state -> 'lease' ->> 'expires_at' IS NOT NULL) EXECUTE FUNCTION public.note_lease();
"""


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


async def note_leases(pool: Pool) -> None:
    """Let this test's database note when each lease is going to run out, as heartbeats are no events."""
    await pool.execute(_NOTE_LEASES)


async def read_expiries(pool: Pool) -> Expiries:
    """Return what was noted."""
    rows = await pool.fetch("SELECT task_id::text, attempt, max(expires_at) FROM public.noted_leases GROUP BY 1, 2")
    return {(task_id, attempt): expires_at for task_id, attempt, expires_at in rows}


def measure_misses(histories: dict[str, History], expiries: Expiries) -> list[timedelta]:
    """Return how long after its lease ran out each silent worker was missed, the shortest first."""
    return sorted(
        _time(event) - expiries[task_id, event["data"]["attempt"]]
        for task_id, history in histories.items()
        for event in history
        if event["type"] == "task.attempt_failed" and event["data"]["code"] == "lease_expired"
    )


def find_overtaken(histories: dict[str, History], slack: timedelta) -> list[str]:
    """Return which tasks came later than others that were ready later, by more than the slack both times."""
    return _overtaken([wait for history in histories.values() for wait in _waits(history)], slack)


def _waits(history: History) -> Iterator[tuple[datetime, datetime]]:
    """Yield when a task was ready, and when somebody took it; one that is handed back keeps its place."""
    ready: datetime | None = None
    for before, event in pairwise(history):
        if event["type"] in _STARTS:
            retry_at = before["data"].get("retry_at")
            ready = datetime.fromisoformat(retry_at) if retry_at else _time(before)
        if ready is not None and (event["type"] in _STARTS or before["type"] == "task.released"):
            yield ready, _time(event)


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
