"""Loading what commands need to be decided: one round trip for one command or for several that came together.

Reads `write.aggregates`, `write.messages` and `write.receipts`, and takes no lock: what was loaded is compared when it
is saved. States are JSON text here; what they mean is the domain's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.write_statements import LOAD_STATEMENT
from infrastructure.write_store import CommandKey, translated

__all__ = ["LoadRequest", "Loaded", "Receipt", "StoredAggregate", "load_command", "load_commands"]


_EPOCH: Final = """
SELECT max(x.epoch) FROM unnest($1::smallint[], $2::bigint[]) AS p(shard, position)
JOIN log.epochs x ON x.shard = p.shard AND x.first_position <= p.position
"""


class StoredAggregate(NamedTuple):
    """An aggregate as it stands; `state` is JSON text."""

    aggregate_id: UUID
    kind: str
    revision: int
    state: str


class Receipt(NamedTuple):
    """The record that a command was carried out."""

    fingerprint: bytes
    result: bytes
    token: Token


class LoadRequest(NamedTuple):
    """What a command needs: its receipt, aggregates of its workspace by id, agents also by name.

    `has_messages` asks for messages of the tasks among them as well: none larger than 32 KiB, and none of tasks where
    those behind the first are more than that together.
    """

    key: CommandKey
    aggregate_ids: Sequence[UUID] = ()
    agent_names: Sequence[str] = ()
    has_messages: bool = False


class Loaded(NamedTuple):
    """What a decision is made from; `at` is the database's clock, `messages` are bodies in order by task."""

    at: datetime
    receipt: Receipt | None
    aggregates: tuple[StoredAggregate, ...]
    messages: Mapping[UUID, Sequence[bytes]]


async def load_command(pool: Pool, request: LoadRequest) -> Loaded:
    """Return what one command needs; raises StoreUnavailableError."""
    (loaded,) = await load_commands(pool, [request])
    return loaded


async def load_commands(pool: Pool, requests: Sequence[LoadRequest]) -> list[Loaded]:
    """Return the time and what each command needs, in their order, in one round trip; raises StoreUnavailableError."""
    wanted = [
        {
            "n": n,
            **request.key._asdict(),
            "ids": [str(aggregate_id) for aggregate_id in request.aggregate_ids],
            "names": request.agent_names,
            "has_messages": request.has_messages,
        }
        for n, request in enumerate(requests)
    ]
    try:
        rows = await pool.fetch(LOAD_STATEMENT, orjson.dumps(wanted).decode())
    except Exception as error:
        raise translated(error) from error
    by_command: dict[int, list[asyncpg.Record]] = {}
    for row in rows:
        by_command.setdefault(row[0], []).append(row)
    loaded = [_loaded(by_command[n]) for n in range(len(requests))]
    if all(each.receipt is None for each in loaded):
        return loaded
    return [await _in_current_epoch(pool, each) for each in loaded]


async def _in_current_epoch(pool: Pool, loaded: Loaded) -> Loaded:
    """Return what was loaded with a token that is good today, where there is a receipt: an epoch may have begun since.

    Its events are there, for they came and went with it.
    """
    if loaded.receipt is None:
        return loaded
    token = loaded.receipt.token
    try:
        epoch = await pool.fetchval(_EPOCH, list(token.positions), list(token.positions.values()))
    except Exception as error:
        raise translated(error) from error
    receipt = loaded.receipt._replace(token=token._replace(epoch=max(token.epoch, epoch or 0)))
    return loaded._replace(receipt=receipt)


def _loaded(rows: Sequence[asyncpg.Record]) -> Loaded:
    """Return what the rows of one command say; the first columns are the same in each."""
    _, at, fingerprint, result, epoch, shards, positions, *_ = rows[0]
    receipt = None
    if result is not None:
        receipt = Receipt(fingerprint, result, Token(epoch, dict(zip(shards, positions, strict=True))))
    aggregates: list[StoredAggregate] = []
    messages: dict[UUID, list[tuple[int, bytes]]] = {}
    for *_, stored_id, kind, number, content in rows:
        if kind == "message":
            messages.setdefault(stored_id, []).append((number, content.encode()))
        elif kind is not None:
            aggregates.append(StoredAggregate(stored_id, kind, number, content))
    ordered = {task_id: [body for _, body in sorted(bodies)] for task_id, bodies in messages.items()}
    return Loaded(at, receipt, tuple(aggregates), ordered)
