"""faststream-outbox: carry a backlog from its table to a Redis stream. `python FILE DATABASE REDIS EVENTS BYTES`.

Its own quick start, a subscriber of the outbox stacked on a publisher of Redis, with workers and batches in its favour.
Prints events a second, counted from the start of the relay to the last entry on the stream.
"""

import asyncio
import sys
from time import perf_counter
from typing import Any

import uvloop
from redis.asyncio import Redis

__all__: list[str] = []

_WORKERS = 8
_STREAM = "peer:faststream-outbox"
_FILL = """
INSERT INTO outbox (queue, payload, headers)
SELECT 'events', convert_to(json_build_object('id', n, 'text', repeat('x', $2))::text, 'UTF8'),
  jsonb_build_object('content-type', 'application/json', 'correlation_id', 'c' || n)
FROM generate_series(1, $1) AS n
"""


async def _run(database_url: str, redis_url: str, events: int, size: int) -> float:
    # Here, for they are only in the peers' own environment.
    from faststream.redis import RedisBroker, StreamSub  # noqa: PLC0415 - only in the peers' environment
    from faststream_outbox import (  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment
        OutboxBroker,
        make_outbox_table,
    )
    from sqlalchemy import MetaData  # noqa: PLC0415 - only in the peers' environment
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - only in the peers' environment

    metadata = MetaData()
    table = make_outbox_table(metadata)
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=_WORKERS + 4)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(_FILL, events, size)
        await driver.execute("ANALYZE outbox")
    outbox, redis_broker = OutboxBroker(engine, outbox_table=table, logger=None), RedisBroker(redis_url)
    publish = redis_broker.publisher(stream=StreamSub(_STREAM))

    async def relay(body: dict[str, object]) -> dict[str, object]:
        return body

    settings = {"max_workers": _WORKERS, "fetch_batch_size": 500, "terminal_flush_batch_size": 100}
    publish(outbox.subscriber("events", min_fetch_interval=0.01, **settings)(relay))

    redis = Redis.from_url(redis_url)
    await redis_broker.connect()
    started = perf_counter()
    await outbox.start()
    while await redis.xlen(_STREAM) < events:
        await asyncio.sleep(0.005)
    rate = events / (perf_counter() - started)
    await outbox.stop()
    await redis_broker.stop()
    return rate


if __name__ == "__main__":
    print(uvloop.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))), flush=True)
