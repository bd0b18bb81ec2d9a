"""Carry: read each shard past its stream's last id, then compare-and-append. The second step of the line.

Reads the log through the dependencies, writes streams through them. Never looks into a payload, and never decides
from memory what to append: the predecessor comes from the log with the batch, the comparison is the stream's own.
Right with any number of relays at once and at any point of a crash.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, assert_never

from contracts.streams import EntryId, parse_entry_id
from infrastructure.log_batches import LogBatch
from infrastructure.stream_writer import AppendAnswer, AppendOutcome
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.records import RelayPass, RelayRequest, ShardCondition, ShardState

__all__ = ["relay_batch"]

_BUMP: Final = "if the database went back in time, see `bureau epoch show`, then `bureau epoch bump`"


async def relay_batch(request: RelayRequest, dependencies: RelayDependencies) -> RelayPass:
    """Carry the next events of every shard that can go on: one read, then one append, each for all shards at once.

    In a backlog the next read runs while the append does. Raises the errors of a server out of reach; the request may
    then be repeated as it was, or from anywhere else.
    """
    shards = await _locate(request, dependencies)
    following = {shard: state.end for shard, state in shards.items() if _is_following(state)}
    batches = request.ahead or await dependencies.read_batches(following)
    refused = _refuse_all(batches, following)
    sent = [batch for batch in batches if batch.shard not in refused and (batch.ids or request.is_check)]
    answers, ahead = await asyncio.gather(dependencies.append_batches(sent), _read_ahead(sent, batches, dependencies))
    settled = {batch.shard: _settle(batch, answer) for batch, answer in zip(sent, answers, strict=True)}
    after = {**shards, **refused, **settled}
    return RelayPass(
        shards=after,
        events=sum(len(batch.ids) for batch in sent),
        is_behind=_is_behind(sent, answers),
        ahead=ahead if all(_fits(batch, after[batch.shard]) for batch in ahead) else (),
    )


async def _read_ahead(
    sent: Sequence[LogBatch], batches: Sequence[LogBatch], dependencies: RelayDependencies
) -> Sequence[LogBatch]:
    """Read what follows, where there is a backlog, as if the append went through; if it does not, this is dropped."""
    if not any(batch.is_cut for batch in sent):
        return ()
    return await dependencies.read_batches({batch.shard: batch.last for batch in batches if batch.predecessor_id})


def _fits(batch: LogBatch, state: ShardState) -> bool:
    return _is_following(state) and state.position == batch.start


def _is_following(state: ShardState) -> bool:
    return state.condition is ShardCondition.FOLLOWING


async def _locate(request: RelayRequest, dependencies: RelayDependencies) -> Mapping[int, ShardState]:
    """Ask the streams that are not followed where they end: new ones at once, stopped and waiting ones at a check."""
    asked = [
        shard
        for shard, state in request.shards.items()
        if state.condition is ShardCondition.LOCATING or (request.is_check and not _is_following(state))
    ]
    answers = await dependencies.locate_streams(asked) if asked else []
    located = {shard: _settle_location(shard, answer) for shard, answer in zip(asked, answers, strict=True)}
    return {**request.shards, **located}


def _settle_location(shard: int, answer: AppendAnswer) -> ShardState:
    if answer.outcome in {AppendOutcome.REFUSED, AppendOutcome.DIVERGED, AppendOutcome.STRANGE}:
        return _held(shard, answer)
    return ShardState(ShardCondition.FOLLOWING, answer.last)


def _refuse_all(batches: Sequence[LogBatch], ends: Mapping[int, EntryId]) -> dict[int, ShardState]:
    """Return the shards that must stop already because of what the log has to give."""
    return {
        batch.shard: ShardState(ShardCondition.STOPPED, ends[batch.shard], reason)
        for batch in batches
        if (reason := _refuse(batch, ends[batch.shard]))
    }


def _refuse(batch: LogBatch, end: EntryId) -> str:
    """Say why a batch that was asked for after the end of a stream must not even be tried; empty where it may."""
    if batch.start > end.position != 0:
        cure = f"`bureau streams refill {batch.shard}` fills it anew"
        return f"the stream ends at position {end.position}, but the log begins after {batch.start}; {cure}"
    if not batch.predecessor_id:
        return f"the stream ends at {end}, which the log does not have; {_advise(batch.shard)}"
    if batch.has_hole:
        return f"the log has a hole between positions {batch.start} and {batch.last_position}"
    return ""


def _settle(batch: LogBatch, answer: AppendAnswer) -> ShardState:
    """Return where a shard stands after its stream has answered."""
    match answer.outcome:
        case AppendOutcome.APPENDED | AppendOutcome.REWIND | AppendOutcome.AHEAD:
            return ShardState(ShardCondition.FOLLOWING, answer.last)
        case AppendOutcome.DIVERGED | AppendOutcome.STRANGE | AppendOutcome.REFUSED:
            return replace(_held(batch.shard, answer), end=parse_entry_id(batch.predecessor_id))
        case _:
            assert_never(answer.outcome)


def _held(shard: int, answer: AppendAnswer) -> ShardState:
    if answer.outcome is AppendOutcome.REFUSED:
        return ShardState(ShardCondition.WAITING, answer.last, answer.detail)
    advice = _advise(shard, is_strange=answer.outcome is AppendOutcome.STRANGE)
    return ShardState(ShardCondition.STOPPED, answer.last, f"{answer.detail}; {advice}")


def _advise(shard: int, *, is_strange: bool = False) -> str:
    """Name both cures, the likelier first: an event of another log looks like one of a lost future."""
    refill = f"`bureau streams refill {shard}`"
    return f"{refill} fills it anew; {_BUMP}" if is_strange else f"{_BUMP}; else {refill}"


def _is_behind(batches: Sequence[LogBatch], answers: Sequence[AppendAnswer]) -> bool:
    """Tell whether a shard has more to send for sure: its batch was cut, or its stream stands elsewhere."""
    moved = {AppendOutcome.REWIND, AppendOutcome.AHEAD}
    return any(batch.is_cut or answer.outcome in moved for batch, answer in zip(batches, answers, strict=True))
