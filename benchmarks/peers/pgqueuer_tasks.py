"""PgQueuer: enqueue, take and finish tasks that do nothing. `python FILE DATABASE_URL TASKS` prints tasks a second."""

import asyncio
import sys
from datetime import timedelta
from time import perf_counter

import asyncpg
import uvloop

__all__: list[str] = []


async def _run(database_url: str, tasks: int) -> float:
    # Here, for they are only in the peers' own environment.
    from pgqueuer import PgQueuer  # type: ignore[import-not-found] # noqa: PLC0415
    from pgqueuer.queries import Queries  # type: ignore[import-not-found] # noqa: PLC0415

    pool = await asyncpg.create_pool(database_url, min_size=4, max_size=8)
    enqueuer = Queries.from_asyncpg_pool(pool)
    await enqueuer.install()
    worker = PgQueuer.from_asyncpg_connection(await asyncpg.connect(database_url))
    done, all_done = 0, asyncio.Event()

    @worker.entrypoint("nothing")  # type: ignore[untyped-decorator] # untyped, as its package is not here
    async def nothing(_job: object) -> None:
        nonlocal done
        done += 1
        if done == tasks:
            all_done.set()

    async def enqueue(share: range) -> None:
        for _ in share:
            await enqueuer.enqueue("nothing", b"{}")

    running = asyncio.create_task(worker.run(dequeue_timeout=timedelta(seconds=5), batch_size=10))
    started = perf_counter()
    await asyncio.gather(*(enqueue(range(number, tasks, 8)) for number in range(8)))
    await all_done.wait()
    # Taken is not finished: until its log says so.
    while await pool.fetchval("SELECT count(*) FROM pgqueuer"):
        await asyncio.sleep(0.005)
    rate = tasks / (perf_counter() - started)
    running.cancel()
    return rate


if __name__ == "__main__":
    print(uvloop.run(_run(sys.argv[1], int(sys.argv[2]))), flush=True)
