"""DBOS: enqueue durable workflows that do nothing, and finish them. `python FILE DATABASE_URL TASKS`: the rate."""

import asyncio
import sys
from time import perf_counter

import uvloop

__all__: list[str] = []

_QUEUE = "tasks"


async def _run(database_url: str, tasks: int) -> float:
    # Here, for it is only in the peers' own environment.
    from dbos import DBOS, DBOSConfig  # type: ignore[import-not-found] # noqa: PLC0415

    config = DBOSConfig(
        name="peer", system_database_url=database_url, log_level="ERROR", run_admin_server=False, sys_db_pool_size=20
    )
    DBOS(config=config)

    @DBOS.workflow()  # type: ignore[untyped-decorator] # untyped, as its package is not here
    async def nothing() -> None:
        return None

    DBOS.launch()
    await DBOS.register_queue_async(_QUEUE, polling_interval_sec=0.05)

    async def enqueue(share: range) -> None:
        for _ in share:
            await DBOS.enqueue_workflow_async(_QUEUE, nothing)

    started = perf_counter()
    await asyncio.gather(*(enqueue(range(number, tasks, 8)) for number in range(8)))
    while await DBOS.list_workflows_async(status=["ENQUEUED", "PENDING"], limit=1, load_input=False):
        await asyncio.sleep(0.02)
    rate = tasks / (perf_counter() - started)
    assert len(await DBOS.list_workflows_async(status="SUCCESS", load_input=False)) == tasks
    DBOS.destroy()
    return rate


if __name__ == "__main__":
    print(uvloop.run(_run(sys.argv[1], int(sys.argv[2]))), flush=True)
