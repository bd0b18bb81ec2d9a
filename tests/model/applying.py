"""The projector in the model: take a batch from the stream or from the log, fold it, save it behind the fence."""

from collections.abc import Iterator

from tests.model.explorer import Move
from tests.model.line import Apply, Bounds, Database, Entry, Line, Memory, Protections

__all__ = ["applying"]


def applying(line: Line, bounds: Bounds, protections: Protections) -> Iterator[Move[Line]]:
    """List what each projector may do next."""
    for number, batch in enumerate(line.projectors):
        if batch is None:
            for source, entries in (("stream", _from_stream(line, bounds)), ("log", _from_log(line, bounds))):
                if entries:
                    taken = _put(line, number, Apply(line.database.checkpoint, entries, _recall(line, number)))
                    yield Move(f"projector {number} takes {len(entries)} from the {source}", taken)
        else:
            yield Move(f"projector {number} saves", _save(line, number, batch, bounds, protections))


def _put(line: Line, number: int, batch: Apply | None) -> Line:
    return line._replace(projectors=(*line.projectors[:number], batch, *line.projectors[number + 1 :]))


def _recall(line: Line, number: int) -> Memory | None:
    """Return what is remembered, if it seems to be of the checkpoint: then nothing is loaded."""
    memory = line.memories[number]
    if memory is None or (memory.at.epoch, memory.at.position) != line.database.checkpoint:
        return None
    return memory


def _from_stream(line: Line, bounds: Bounds) -> tuple[Entry, ...]:
    """Return what follows the checkpoint without a gap, in the checkpoint's own epoch."""
    epoch, position = line.database.checkpoint
    taken: list[Entry] = []
    for entry in line.stream:
        if (entry.epoch, entry.position) == (epoch, position + 1 + len(taken)) and len(taken) < bounds.batch:
            taken.append(entry)
    return tuple(taken)


def _from_log(line: Line, bounds: Bounds) -> tuple[Entry, ...]:
    _, position = line.database.checkpoint
    return tuple(entry for entry in line.database.log if entry.position > position)[: bounds.batch]


def _save(line: Line, number: int, batch: Apply, bounds: Bounds, protections: Protections) -> Line:
    database, last = line.database, batch.entries[-1]
    idle = _put(line, number, None)
    reached = (last.epoch, last.position)
    if batch.is_half:
        return idle._replace(database=database._replace(checkpoint=reached))
    if _is_refused(database, batch, protections):
        return _remember(idle, number, None)
    # Rows are added to what the table holds, but a row that is remembered is written as a whole.
    base = batch.memory.view if batch.memory else database.view
    view = base + tuple(entry.event for entry in batch.entries)
    if not protections.has_common_transaction:
        return _put(line, number, batch._replace(is_half=True))._replace(database=database._replace(view=view))
    saved = idle._replace(database=database._replace(view=view, checkpoint=reached))
    return _remember(saved, number, Memory(last, view)) if bounds.has_memory else saved


def _is_refused(database: Database, batch: Apply, protections: Protections) -> bool:
    if protections.has_fence and database.checkpoint != batch.checkpoint:
        return True
    if protections.has_event_fence and batch.entries[-1] not in database.log:
        return True
    return protections.has_memory_fence and batch.memory is not None and batch.memory.at not in database.log


def _remember(line: Line, number: int, memory: Memory | None) -> Line:
    return line._replace(memories=(*line.memories[:number], memory, *line.memories[number + 1 :]))
