"""Keeping a process's shares of shards: renews its leases, hears when others come or go, leaves at once when it ends.

A task of its own, so that long work does not cost a lease. Where the leases cannot be read for long although the work
could go on, `held` answers None: then a member works on every shard, for delivery must not wait for something that
only saves work.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from contracts.streams import LEASES_CHANNEL
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.ready_notices import listen_for_notices
from infrastructure.redis_client import RedisClient
from infrastructure.shard_leases import (
    LEASE_SECONDS,
    Member,
    Share,
    release_leases,
    renew_leases,
    stand_aside,
    unfit_role,
)

__all__ = ["HeldShards", "LeasePlan", "open_leases"]

_RENEW_SECONDS: Final = 0.3
"""Pause between renewals: three may fail before a lease runs out, and the dead are found within 1.4 + 0.3 s."""
_CALL_SECONDS: Final = 1.0
_GIVE_UP_SECONDS: Final = 2 * LEASE_SECONDS
"""After so long without a renewal there are no leases to go by."""

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeasePlan:
    """Who shares what: `on_change` is called when shards came or went, `is_fit` tells whether the member can work.

    A member that is not fit leaves its shards to the others and works on whatever it can until it is fit again; it is
    seen meanwhile, with its report, in a role of its own (`unfit_role`).
    `report` is what it says of its work, for people.
    """

    member: Member
    roles: Sequence[str]
    on_change: Callable[[], None]
    is_fit: Callable[[], bool] = lambda: True
    report: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class HeldShards:
    """What the process holds now, by role; filled by `open_leases`, read by whoever works."""

    shares: dict[str, frozenset[int] | None] = field(default_factory=dict)

    def held(self, role: str) -> frozenset[int] | None:
        """Return the shards to work on: none before the first renewal, None for all where there are no leases."""
        return self.shares.get(role, frozenset())


@asynccontextmanager
async def open_leases(pool: Pool, redis: RedisClient, plan: LeasePlan) -> AsyncIterator[HeldShards]:
    """Take part in the roles while the context is open; then leave them and tell the others."""
    shards, look = HeldShards(), asyncio.Event()
    sender = plan.member.member_id.bytes
    tasks = (
        asyncio.create_task(listen_for_notices(redis, LEASES_CHANNEL, look.set, sender)),
        asyncio.create_task(_keep(pool, redis, plan, shards, look)),
    )
    try:
        yield shards
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _leave(pool, redis, plan)


async def _keep(pool: Pool, redis: RedisClient, plan: LeasePlan, shards: HeldShards, look: asyncio.Event) -> None:
    """Renew until cancelled: at every pause's end and whenever another member gives notice."""
    renewed_at, is_down = monotonic_seconds(), False
    while True:
        look.clear()
        try:
            await _renew_or_leave(pool, redis, plan, shards)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on with what was held
            if monotonic_seconds() - renewed_at > _GIVE_UP_SECONDS:
                is_down = _tell(is_down=True, was_down=is_down, error=error)
                _take(plan, shards, dict.fromkeys(plan.roles))
        else:
            renewed_at, is_down = monotonic_seconds(), _tell(is_down=False, was_down=is_down)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(look.wait(), _RENEW_SECONDS)


async def _renew_or_leave(pool: Pool, redis: RedisClient, plan: LeasePlan, shards: HeldShards) -> None:
    if not plan.is_fit():
        if None not in shards.shares.values():
            await _leave(pool, redis, plan)
            _take(plan, shards, dict.fromkeys(plan.roles))
        async with asyncio.timeout(_CALL_SECONDS):
            await stand_aside(pool, plan.member, plan.roles, report=plan.report())
        return
    async with asyncio.timeout(_CALL_SECONDS):
        shares = await renew_leases(pool, plan.member, plan.roles, report=plan.report())
        if None in shards.shares.values():
            await release_leases(pool, plan.member, map(unfit_role, plan.roles))
    _take(plan, shards, {role: share.shards for role, share in shares.items()})
    await _announce(redis, plan.member, shares)


async def _leave(pool: Pool, redis: RedisClient, plan: LeasePlan) -> None:
    """Leave the roles where the servers can be reached; where not, the leases run out."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CALL_SECONDS):
            await release_leases(pool, plan.member, [*plan.roles, *map(unfit_role, plan.roles)])
            await redis.publish(LEASES_CHANNEL, plan.member.member_id.bytes)


async def _announce(redis: RedisClient, member: Member, shares: Mapping[str, Share]) -> None:
    if any(share.is_news for share in shares.values()):
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CALL_SECONDS):
                await redis.publish(LEASES_CHANNEL, member.member_id.bytes)


def _take(plan: LeasePlan, shards: HeldShards, shares: Mapping[str, frozenset[int] | None]) -> None:
    if shares == shards.shares:
        return
    for role, share in shares.items():
        if share != shards.held(role):
            _LOG.info("works on", role=role, shards="all" if share is None else sorted(share))
    shards.shares.update(shares)
    plan.on_change()


def _tell(*, is_down: bool, was_down: bool, error: Exception | None = None) -> bool:
    """Log a change of state, nothing otherwise; return the new state."""
    if is_down and not was_down:
        words = f"{type(error).__name__}: {error}"
        _LOG.warning("leases cannot be renewed, working on every shard until they can", error=words)
    elif was_down and not is_down:
        _LOG.info("leases are renewed again")
    return is_down
