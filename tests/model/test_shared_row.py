"""A view that several roots feed: one partial row a shard adds up right, one row for all of them loses events."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from tests.model.explorer import Machine, Move, explore

SHARDS, EVENTS = 3, 3


class Figures(NamedTuple):
    """The rows of one key; how far each shard is projected; what each projector loaded, None where it is idle."""

    rows: tuple[int, ...]
    checkpoints: tuple[int, ...]
    loaded: tuple[int | None, ...]


def _row_of(shard: int, *, is_shared: bool) -> int:
    return 0 if is_shared else shard


def _put[Value](values: tuple[Value, ...], at: int, value: Value) -> tuple[Value, ...]:
    return (*values[:at], value, *values[at + 1 :])


def _moves(figures: Figures, *, is_shared: bool) -> Iterator[Move[Figures]]:
    """Load → project → save with the shard's own checkpoint: each is right by itself."""
    for shard, loaded in enumerate(figures.loaded):
        row = _row_of(shard, is_shared=is_shared)
        if loaded is None and figures.checkpoints[shard] < EVENTS:
            took = figures._replace(loaded=_put(figures.loaded, shard, figures.rows[row]))
            yield Move(f"shard {shard} loads", took)
        elif loaded is not None:
            saved = Figures(
                _put(figures.rows, row, loaded + 1),
                _put(figures.checkpoints, shard, figures.checkpoints[shard] + 1),
                _put(figures.loaded, shard, None),
            )
            yield Move(f"shard {shard} saves", saved)


def _find_wrong(figures: Figures) -> str:
    counted, applied = sum(figures.rows), sum(figures.checkpoints)
    return "" if counted == applied else f"{applied} events are applied, the rows say {counted}"


def _is_done(figures: Figures) -> bool:
    return figures.checkpoints == (EVENTS,) * SHARDS


def machine(*, is_shared: bool) -> Machine[Figures]:
    start = Figures((0,) * SHARDS, (0,) * SHARDS, (None,) * SHARDS)
    return Machine(start, partial(_moves, is_shared=is_shared), _find_wrong, _is_done)


def test_one_partial_row_a_shard_adds_up_in_every_state() -> None:
    explored = explore(machine(is_shared=False))
    assert (explored.wrong, explored.states) == ("", 343)


def test_one_shared_row_loses_an_event_though_every_checkpoint_is_right() -> None:
    explored = explore(machine(is_shared=True))
    assert explored.wrong == "2 events are applied, the rows say 1"
    assert explored.trace == ("shard 0 loads", "shard 1 loads", "shard 0 saves", "shard 1 saves")
