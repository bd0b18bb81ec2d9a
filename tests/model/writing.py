"""Commands in the model: load (is there a receipt?), insert at a position, commit with the receipt or roll back."""

from collections.abc import Iterator

from tests.model.explorer import Move
from tests.model.faults import LOST_ANSWER, ROLLBACK, spend
from tests.model.line import Bounds, Entry, Event, Line, Protections, Writer, epoch_at

__all__ = ["writing"]


def writing(line: Line, bounds: Bounds, protections: Protections) -> Iterator[Move[Line]]:
    """List what each writer may do next."""
    for number, writer in enumerate(line.writers):
        keys = bounds.commands[number]
        if writer.answered == len(keys):
            continue
        key = keys[writer.answered]
        match writer.phase:
            case "idle":
                yield _load(line, number, writer, key)
            case "loaded":
                if not protections.has_gapless_shard or not any(w.phase == "inserted" for w in line.writers):
                    yield _insert(line, number, writer, key, protections)
            case _:
                yield from _end(line, number, writer, key, protections)


def _put(line: Line, number: int, writer: Writer) -> Line:
    return line._replace(writers=(*line.writers[:number], writer, *line.writers[number + 1 :]))


def _load(line: Line, number: int, writer: Writer, key: str) -> Move[Line]:
    if key in line.database.receipts:
        return Move(f"writer {number} finds the receipt of {key}", _put(line, number, _answered(writer)))
    return Move(f"writer {number} loads for {key}", _put(line, number, writer._replace(phase="loaded")))


def _answered(writer: Writer) -> Writer:
    return Writer(writer.answered + 1, writer.attempts)


def _insert(line: Line, number: int, writer: Writer, key: str, protections: Protections) -> Move[Line]:
    database = line.database
    position = len(database.log) + 1 if protections.has_gapless_shard else database.next_number
    event = Event(key, 10 * number + writer.attempts)
    entry = Entry(epoch_at(database.epochs, position), position, event)
    inserted = _put(line, number, Writer(writer.answered, writer.attempts + 1, "inserted", entry))
    if not protections.has_gapless_shard:
        inserted = inserted._replace(database=database._replace(next_number=position + 1))
    return Move(f"writer {number} inserts {key} at {position}", inserted)


def _end(line: Line, number: int, writer: Writer, key: str, protections: Protections) -> Iterator[Move[Line]]:
    database = line.database
    again = _put(line, number, Writer(writer.answered, writer.attempts))
    if protections.has_strict_receipt and key in database.receipts:
        yield Move(f"writer {number} is refused: {key} was committed before", again)
        return
    assert writer.entry is not None
    # In the order of positions, as an index gives them out.
    log = tuple(sorted((*database.log, writer.entry), key=lambda entry: entry.position))
    committed = database._replace(log=log, receipts=database.receipts | {key})
    yield Move(f"writer {number} commits {key}", _put(line, number, _answered(writer))._replace(database=committed))
    if line.left[LOST_ANSWER]:
        unheard = spend(again, LOST_ANSWER)._replace(database=committed)
        yield Move(f"writer {number} commits {key} and never hears of it", unheard, is_fault=True)
    if line.left[ROLLBACK]:
        yield Move(f"writer {number} rolls {key} back", spend(again, ROLLBACK), is_fault=True)
