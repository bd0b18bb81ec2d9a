"""Where the relay's loop pins what it knows, for /ready to read."""

import json
from dataclasses import dataclass, field

from infrastructure.web.health import Check
from outbox_relay.records import RelayStatus, ShardCondition

__all__ = ["Board", "check_shards", "report_shards"]


@dataclass(frozen=True, slots=True)
class Board:
    """Where the loop pins its newest status for the health routes to read; a list of exactly one."""

    newest: list[RelayStatus] = field(default_factory=lambda: [RelayStatus()])

    def pin(self, status: RelayStatus) -> None:
        """Replace the status that is shown."""
        self.newest[0] = status


def report_shards(status: RelayStatus, stream_limit: int) -> str:
    """Return as JSON, by shard, in words what each shard that is not simply followed waits for.

    Under `trouble`, where there is any, what keeps the relay from every shard; under `stream_limit` how many entries
    it leaves in a stream for who lags.
    """
    trouble = {"trouble": status.trouble} if status.trouble else {}
    return json.dumps(
        trouble
        | {"stream_limit": str(stream_limit)}
        | {
            str(shard): f"{state.condition}: {state.error}"[:300]
            for shard, state in sorted(status.shards.items())
            if state.condition in {ShardCondition.STOPPED, ShardCondition.WAITING}
        }
    )


def check_shards(board: Board) -> Check:
    """Return a check that fails while any shard cannot go on, or all wait for a server."""

    async def check() -> None:
        status = board.newest[0]
        held = [
            f"shard {shard} {state.condition}: {state.error}"
            for shard, state in sorted(status.shards.items())
            if state.condition in {ShardCondition.STOPPED, ShardCondition.WAITING}
        ]
        if status.trouble or held:
            raise RuntimeError("; ".join([status.trouble, *held]).removeprefix("; "))

    return check
