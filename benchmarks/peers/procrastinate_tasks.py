"""Procrastinate: defer, take, finish tasks that do nothing. `python FILE DATABASE_URL TASKS` prints tasks a second."""

import asyncio
import sys
from time import perf_counter

import uvloop

__all__: list[str] = []


async def _run(database_url: str, tasks: int) -> float:
    # Here, for it is only in the peers' own environment.
    import procrastinate  # type: ignore[import-not-found] # noqa: PLC0415

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url, min_size=4, max_size=24))
    done, all_done = 0, asyncio.Event()

    @app.task(name="nothing")  # type: ignore[untyped-decorator] # untyped, as its package is not here
    async def nothing() -> None:
        nonlocal done
        done += 1
        if done == tasks:
            all_done.set()

    async def defer(share: range) -> None:
        for _ in share:
            await nothing.defer_async()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        running = asyncio.create_task(app.run_worker_async(concurrency=20, install_signal_handlers=False))
        started = perf_counter()
        await asyncio.gather(*(defer(range(number, tasks, 8)) for number in range(8)))
        await all_done.wait()
        open_jobs = "SELECT count(*) AS n FROM procrastinate_jobs WHERE status <> 'succeeded'"
        while (await app.connector.execute_query_one_async(open_jobs))["n"]:
            await asyncio.sleep(0.005)
        rate = tasks / (perf_counter() - started)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return rate


if __name__ == "__main__":
    print(uvloop.run(_run(sys.argv[1], int(sys.argv[2]))), flush=True)
