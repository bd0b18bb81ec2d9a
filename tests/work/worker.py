"""A worker as a process: `python -m tests.work.worker URL KEY NAME LEASE_SECONDS`.

Its handler says in every report who it is and which attempt it works on, so that the log shows whose write it was.
"""

import asyncio
import logging
import sys
from random import Random

from client import BureauClient, TaskContext, Worker

__all__: list[str] = []

STEPS = 2


async def _run(url: str, api_key: str, name: str, lease_seconds: int) -> None:
    random = Random(name)
    async with BureauClient(url, api_key=api_key) as client:
        options = {"concurrency": 3, "lease_seconds": lease_seconds, "poll_seconds": 5, "drain_seconds": 0}
        worker = Worker(client, ["analyst"], name=name, **options)

        @worker.handler
        async def work(task: TaskContext) -> str:
            for step in range(STEPS):
                await asyncio.sleep(random.uniform(0, 0.2))
                await task.progress((step + 1) / (STEPS + 1), f"{name} {task.lease.attempt}")
            return f"{name} {task.lease.attempt}"

        await worker.run()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(_run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
