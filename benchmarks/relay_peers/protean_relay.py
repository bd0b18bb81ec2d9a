"""Protean: its outbox processor carries a backlog to Redis streams. Arguments as of the others beside it.

The backlog is made by Protean itself, an aggregate and an event a message, and does not count. Prints events a second,
counted from the start of the processor to the last row that is marked as published.
"""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

__all__: list[str] = []

_MESSAGES_PER_TICK = 200
_MOST_EVENTS = 2_000  # it takes some milliseconds to make each


def _run(words: Sequence[str]) -> float:
    """Fill the outbox in a process of its own, whose event store in memory would slow this one down, then drain it."""
    # Here, for they are only in the peers' own environment.
    from protean import Domain  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment
    from protean.fields import Text  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment

    database_url, redis_url, events, size, *rest = words
    logging.disable(logging.WARNING)
    domain = Domain(name="bench")
    driver_url = database_url.replace("postgresql://", "postgresql+psycopg://")
    domain.config["databases"]["default"] = {"provider": "postgresql", "database_uri": driver_url}
    domain.config["brokers"]["default"] = {"provider": "redis", "URI": redis_url}
    domain.config["server"]["default_subscription_type"] = "stream"

    @domain.event(part_of="Note")
    class Written:
        text = Text()

    @domain.aggregate
    class Note:
        text = Text()

    domain.init(traverse=False)
    number = min(int(events), _MOST_EVENTS)
    with domain.domain_context():
        if rest:
            domain.setup_database()
            for _ in range(number):
                domain.repository_for(Note).add(_noted(Note, Written, int(size)))
            return number
        subprocess.run([sys.executable, __file__, *words, "fill"], check=True, stdout=subprocess.DEVNULL)
        return asyncio.run(_drain(domain, number))


def _noted(aggregate: Any, event: Any, size: int) -> Any:  # noqa: ANN401 - Protean makes their constructors
    """Return a new aggregate with one event."""
    note = aggregate(text="")
    note.raise_(event(text="x" * size))
    return note


async def _drain(domain: Any, events: int) -> float:  # noqa: ANN401 - Protean's own
    """Return events a second."""
    from protean.server import Engine  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment
    from protean.server.outbox_processor import OutboxProcessor  # type: ignore[import-not-found] # noqa: PLC0415 - only in the peers' environment

    engine = Engine(domain, test_mode=True)
    processor = OutboxProcessor(engine, "default", "default", messages_per_tick=_MESSAGES_PER_TICK)
    await processor.initialize()
    started, sent = perf_counter(), 0
    while sent < events:
        sent += await processor.process_batch(await processor.get_next_batch_of_messages())
    return events / (perf_counter() - started)


if __name__ == "__main__":
    print(_run(sys.argv[1:]), flush=True)
