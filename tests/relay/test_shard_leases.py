"""Leases of shards against a real PostgreSQL: fair shares, members that come, leave, die or have a wrong clock."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from infrastructure.postgres import Pool
from infrastructure.shard_leases import Member, read_lease_holders, release_leases, renew_leases
from tests.polling import poll_until
from tests.servers import TEST_SHARDS

ROLE = "test"
EVERY_SHARD = set(range(TEST_SHARDS))


def member(number: int) -> Member:
    return Member(UUID(int=number), f"member {number}")


async def renew(pool: Pool, who: Member, seconds: float = 60) -> frozenset[int]:
    return (await renew_leases(pool, who, [ROLE], seconds=seconds))[ROLE].shards


async def settle(pool: Pool, members: Sequence[Member]) -> list[int]:
    """Let everyone renew twice, once to give up and once to claim, and return how many each holds, fewest first."""
    for _ in range(2):
        for each in members:
            await renew(pool, each)
    held = [await renew(pool, each) for each in members]
    assert Counter(shard for share in held for shard in share) == dict.fromkeys(EVERY_SHARD, 1)
    return sorted(map(len, held))


async def test_a_lonely_member_holds_every_shard_at_once(pool: Pool) -> None:
    assert await renew(pool, member(1)) == EVERY_SHARD


async def test_members_that_join_and_leave_always_come_to_a_fair_share(pool: Pool) -> None:
    members = [member(number) for number in (3, 1, 4, 2, 5)]
    fair = {1: [16], 2: [8, 8], 3: [5, 5, 6], 4: [4, 4, 4, 4], 5: [3, 3, 3, 3, 4]}
    for number in (1, 2, 3, 4, 5):
        assert await settle(pool, members[:number]) == fair[number]
    while len(members) > 1:
        await release_leases(pool, members.pop(0), [ROLE])
        assert await settle(pool, members) == fair[len(members)]


async def test_more_members_than_shards_leave_some_standing_by(pool: Pool) -> None:
    members = [member(number) for number in range(1, TEST_SHARDS + 4)]
    assert await settle(pool, members) == [0] * 3 + [1] * TEST_SHARDS


async def test_what_is_given_up_stays_as_little_as_possible(pool: Pool) -> None:
    await settle(pool, [member(1), member(2), member(3)])
    before = {each: await renew(pool, each) for each in (member(1), member(2), member(3))}
    await settle(pool, [member(1), member(2), member(3), member(4)])
    for each, shards in before.items():
        assert await renew(pool, each) < shards


async def test_shards_of_a_dead_member_are_free_when_its_lease_has_run_out(pool: Pool) -> None:
    assert await renew(pool, member(1), seconds=0.2) == EVERY_SHARD
    assert await renew(pool, member(2)) == frozenset()

    async def has_taken_over() -> bool:
        return await renew(pool, member(2)) == EVERY_SHARD

    await poll_until(has_taken_over)


async def test_a_member_that_was_thought_dead_is_news_and_gets_its_share_again(pool: Pool) -> None:
    await renew(pool, member(1), seconds=0.001)
    await poll_until(lambda: _alone(pool, member(2)))
    returned = (await renew_leases(pool, member(1), [ROLE]))[ROLE]
    assert (returned.shards, returned.is_news) == (frozenset(), True)
    assert await settle(pool, [member(1), member(2)]) == [8, 8]
    assert not (await renew_leases(pool, member(1), [ROLE]))[ROLE].is_news


async def _alone(pool: Pool, who: Member) -> bool:
    return len(await renew(pool, who)) == TEST_SHARDS


async def test_leaving_frees_everything_at_once(pool: Pool) -> None:
    await renew(pool, member(1), seconds=3600)
    await release_leases(pool, member(1), [ROLE])
    assert await renew(pool, member(2)) == EVERY_SHARD


async def test_many_that_claim_at_once_never_share_a_shard_and_never_wait_for_each_other(pool: Pool) -> None:
    randomness = random.Random(20261122)
    members = [member(number) for number in range(1, 7)]
    await asyncio.gather(*(renew(pool, each) for each in members))
    for _ in range(40):
        everyone = [*members, *randomness.sample(members, k=3)]
        randomness.shuffle(everyone)
        if randomness.random() < 0.2:
            await release_leases(pool, members[randomness.randrange(6)], [ROLE])
        await asyncio.wait_for(asyncio.gather(*(renew(pool, each) for each in everyone)), 20)
    assert await settle(pool, members) == [2, 2, 3, 3, 3, 3]


async def test_a_claim_passes_by_what_another_is_claiming(pool: Pool) -> None:
    await renew(pool, member(1), seconds=0.001)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM log.shard_leases WHERE shard < 4 FOR UPDATE")
        assert await asyncio.wait_for(renew(pool, member(2)), 5) == EVERY_SHARD - {0, 1, 2, 3}


async def test_roles_are_shared_out_apart_in_one_call(pool: Pool) -> None:
    await renew_leases(pool, member(1), ["a", "b"])
    shares = await renew_leases(pool, member(2), ["b", "c"])
    assert {role: len(share.shards) for role, share in shares.items()} == {"b": 0, "c": TEST_SHARDS}
    assert {role: share.members for role, share in shares.items()} == {"b": 2, "c": 1}


async def test_holders_are_listed_with_their_shards(pool: Pool) -> None:
    await settle(pool, [member(1), member(2)])
    await renew_leases(pool, member(9), ["other"])
    first, second = await read_lease_holders(pool, [ROLE])
    assert (first.name, second.name) == ("member 1", "member 2")
    assert {*first.shards, *second.shards} == EVERY_SHARD


async def test_the_clock_of_a_member_does_not_matter(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setattr(time, "time_ns", lambda: 4 * 10**18)
    await renew(pool, member(1), seconds=0.2)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert await renew(pool, member(2)) == frozenset()
    await poll_until(lambda: _alone(pool, member(2)))


async def test_renewing_writes_nothing_to_the_log_of_transactions_worth_a_flush(pool: Pool) -> None:
    await renew(pool, member(1))
    persistence = await pool.fetch(
        "SELECT relpersistence FROM pg_class WHERE oid IN ('log.members'::regclass, 'log.shard_leases'::regclass)"
    )
    assert [row[0] for row in persistence] == [b"u", b"u"]
