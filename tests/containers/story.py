"""The demonstration, run inside one of the service's containers: `python -c` is given this text. Prints JSON.

Reads DATABASE_URL, REDIS_URL and BUREAU_API_KEY. The worker runs in a container of its own.
"""

import asyncio
import json
import os

from bureau.demo import DemoInput, follow_story

LOG = b'{"timestamp": "2026-01-01T00:00:00Z", "level": "error", "event": "no disk", "path": "/tasks"}\n' * 200


async def _tell() -> dict[str, object]:
    given = DemoInput(
        command_url="http://command-api:8000",
        query_url="http://query-api:8000",
        api_key=os.environ["BUREAU_API_KEY"],
        database_url=os.environ["DATABASE_URL"],
        redis_url=os.environ["REDIS_URL"],
        log_name="service.log",
        log=LOG,
    )
    result = await follow_story(given, lambda _entry: None)
    return {
        "state": result.task.status.state,
        "artifacts": [artifact.name for artifact in result.task.artifacts],
        "hops": [hop._asdict() for hop in result.hops],
        "agreement": result.agreement._asdict(),
    }


print(json.dumps(asyncio.run(_tell())))  # noqa: T201 - a program's answer
