"""Several projectors at once: who loses a race goes on."""

from random import Random

from redis.asyncio import Redis

from infrastructure.postgres import Pool
from projectors.main import check_followers
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.stories import carry, write_tasks
from tests.projectors.test_process import is_reading


async def test_two_projectors_at_once_leave_the_fold_intact(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    async with projectors() as first, projectors() as second:
        await poll_until(lambda: is_reading(second))
        for _ in range(30):
            await write_tasks(pool, randomness, 10)
            await carry(pool, redis)
        await poll_until(lambda: has_applied_everything(pool))
        # Losing a race is no failure of the event: nobody has stopped.
        await check_followers(first.followers)
        await check_followers(second.followers)
    assert await find_unfolded(pool) == []
