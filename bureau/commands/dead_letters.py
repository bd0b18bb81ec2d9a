"""`bureau dead-letters`: reading what waits, and asking the projectors to retry or skip it."""

import getpass
import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import Purpose, run_on_database
from bureau.errors import CommandFailedError
from infrastructure.dead_letters import (
    Action,
    DeadLetter,
    DeadLetterFilter,
    DeadLetterRequest,
    ParkedEventRow,
    WantedAction,
    add_request,
    find_dead_letter,
    read_dead_letters,
    read_parked_page,
    wait_for_requests,
)
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool

__all__ = ["run_list", "run_retry", "run_show", "run_skip"]

_PAGE: Final = 1000
_EVENTS: Final = 100
"""Of one dead letter at once: each may have a megabyte."""
_PURPOSE: Final = Purpose("bureau dead-letters", "look after the dead letters")


def run_list(directory: Path, projection: str | None, root_id: UUID | None, *, is_json: bool) -> None:
    """Print the dead letters; raises CommandFailedError."""
    wanted = DeadLetterFilter(projection=projection, root_id=root_id)
    letters = run_on_database(directory, _PURPOSE, partial(_read_all, wanted))
    if is_json:
        print_json({"dead_letters": [_letter_json(letter) for letter in letters]})
        return
    if letters:
        data_console().print(_table(letters))
    waiting = sum(letter.events for letter in letters)
    words = f"{len(letters)} dead letters, {waiting} events wait" if letters else "nothing waits"
    words_console().print(f"bureau: {words}", highlight=False)


def run_show(directory: Path, letter_id: UUID, *, is_json: bool) -> None:
    """Print one dead letter with its events; raises CommandFailedError."""
    letter, events = run_on_database(directory, _PURPOSE, partial(_read_one, letter_id, has_bodies=is_json))
    if is_json:
        print_json(_letter_json(letter) | {"events": [_event_json(event) for event in events]})
        return
    data_console().print(_table([letter]))
    table = Table("position", "generation", "type", "recorded at", "event id", title="Events, in the order they wait")
    for event in events:
        place = f"{event.epoch}-{event.position}"
        table.add_row(place, str(event.generation), event.event_type, f"{event.recorded_at:%F %T}", str(event.event_id))
    data_console().print(table)
    words_console().print(f"bureau: {letter.error}", markup=False, highlight=False, soft_wrap=True)


def run_retry(
    directory: Path,
    letter_ids: Sequence[UUID],
    chosen: tuple[str | None, UUID | None],
    wait_seconds: float,
    *,
    is_json: bool,
) -> bool:
    """Ask for retries, wait, print what came of them; tell whether nothing waits now. Raises CommandFailedError."""
    ask = partial(_ask_for_retries, letter_ids, DeadLetterFilter(projection=chosen[0], root_id=chosen[1]), wait_seconds)
    return _report(run_on_database(directory, _PURPOSE, ask), wait_seconds, is_json=is_json)


def run_skip(directory: Path, letter_id: UUID, event_id: UUID | None, wait_seconds: float, *, is_json: bool) -> bool:
    """Ask for a skip, wait, print what came of it; tell whether nothing waits any more. Raises CommandFailedError."""
    ask = partial(_ask_for_skip, letter_id, event_id, wait_seconds)
    return _report(run_on_database(directory, _PURPOSE, ask), wait_seconds, is_json=is_json)


async def _read_all(wanted: DeadLetterFilter, pool: Pool) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    while page := await read_dead_letters(
        pool, wanted, after=letters[-1].dead_letter_id if letters else None, limit=_PAGE
    ):
        letters += page
    return sorted(letters, key=lambda letter: (letter.projection, letter.shard, letter.position))


async def _load(pool: Pool, letter_id: UUID) -> DeadLetter:
    letter = await find_dead_letter(pool, letter_id)
    if letter is None:
        message = f"there is no dead letter {letter_id}: `bureau dead-letters list` shows those that there are"
        raise CommandFailedError(message)
    return letter


async def _read_one(letter_id: UUID, pool: Pool, *, has_bodies: bool) -> tuple[DeadLetter, list[ParkedEventRow]]:
    """Return a dead letter and all its events; the envelopes are empty where they are not asked for."""
    letter = await _load(pool, letter_id)
    events: list[ParkedEventRow] = []
    while page := await read_parked_page(pool, letter, after=events[-1].position if events else 0, limit=_EVENTS):
        events += page if has_bodies else (event._replace(envelope=b"") for event in page)
    return letter, events


async def _ask_for_retries(
    letter_ids: Sequence[UUID], wanted: DeadLetterFilter, wait_seconds: float, pool: Pool
) -> list[DeadLetterRequest]:
    letters = [await _load(pool, letter_id) for letter_id in letter_ids] or await _read_all(wanted, pool)
    return await _carry_out(pool, [(letter, "retry", None) for letter in letters], wait_seconds)


async def _ask_for_skip(
    letter_id: UUID, event_id: UUID | None, wait_seconds: float, pool: Pool
) -> list[DeadLetterRequest]:
    letter = await _load(pool, letter_id)
    return await _carry_out(pool, [(letter, "skip", event_id or letter.event_id)], wait_seconds)


async def _carry_out(
    pool: Pool, wanted: Sequence[tuple[DeadLetter, Action, UUID | None]], wait_seconds: float
) -> list[DeadLetterRequest]:
    """Ask for everything, then wait until all of it is done or the time is over; return the requests as they are."""
    by = f"{getpass.getuser()} by the command line"
    asked = [
        await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, action, by, event_id))
        for letter, action, event_id in wanted
    ]
    request_ids = [request.request_id for request in asked if request is not None]
    return await wait_for_requests(pool, request_ids, wait_seconds)


def _report(requests: Sequence[DeadLetterRequest], wait_seconds: float, *, is_json: bool) -> bool:
    """Print what became of requests; tell whether all were released."""
    if is_json:
        print_json({"requests": [_request_json(request) for request in requests]})
    words = words_console()
    for request in requests:
        words.print(f"bureau: {_sentence(request, wait_seconds)}", markup=False, highlight=False, soft_wrap=True)
    if not requests:
        words.print("bureau: nothing waits", highlight=False)
    return all(request.outcome == "released" for request in requests)


def _sentence(request: DeadLetterRequest, wait_seconds: float) -> str:
    where = f"{request.projection}, root {request.root_id}"
    match request.outcome:
        case "released":
            return f"{where}: {request.applied} events applied, nothing waits any more"
        case "failed_again":
            return f"{where}: {request.applied} events applied, then one failed and waits on: {request.error}"
        case None:
            return (
                f"{where}: no projector did it within {wait_seconds:g} s; it stays asked for: see `bureau status`"
                " whether projectors run"
            )
        case _:
            return f"{where}: refused, {request.error}"


def _table(letters: Sequence[DeadLetter]) -> Table:
    table = Table("dead letter", "projection", "root", "events", "failed event", "at", "attempts", "error")
    for letter in letters:
        projection = letter.projection if letter.version == 1 else f"{letter.projection} v{letter.version}"
        place = f"{letter.shard}:{letter.position}"
        counts = (str(letter.events), letter.event_type, place, str(letter.attempts))
        table.add_row(str(letter.dead_letter_id), projection, str(letter.root_id), *counts, letter.error[:200])
    return table


def _letter_json(letter: DeadLetter) -> dict[str, Any]:
    return _plain(letter._asdict())


def _event_json(event: ParkedEventRow) -> dict[str, Any]:
    fields = {name: value for name, value in event._asdict().items() if name != "envelope"}
    return _plain(fields) | {"event": _envelope(event.envelope)}


def _envelope(envelope: bytes) -> object:
    """Return an envelope as JSON, or its text where it is none."""
    try:
        return json.loads(envelope)
    except ValueError:
        return envelope.decode(errors="replace")


def _request_json(request: DeadLetterRequest) -> dict[str, Any]:
    return _plain(request._asdict())


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with ids and times as text, as JSON has them."""
    return {name: str(value) if isinstance(value, UUID | datetime) else value for name, value in fields.items()}
