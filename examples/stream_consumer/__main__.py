"""Run a member of the group: `python -m examples.stream_consumer`."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Sequence

from examples.stream_consumer.consumer import Plan, consume
from examples.stream_consumer.groups import stream_names
from examples.stream_consumer.ledger import open_ledger, retry_dead_letters

_EXAMPLES = """\
first, with `bureau up` running:
  export REDIS_URL=$(python3 -c "import json; print(json.load(open('.bureau/runtime.json'))['redis_url'])")
  bureau readers register finished-tasks        its events stay until it has them

examples:
  python -m examples.stream_consumer            a member, until Ctrl-C; start several, kill some
  python -m examples.stream_consumer show       the ledger as JSON lines
  python -m examples.stream_consumer retry      try what could not be understood again

exit codes: 0 done, 1 the ledger or Redis cannot be used, 2 wrong usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _read_options(arguments)
    try:
        with contextlib.closing(open_ledger(options.database)) as database:
            match options.command:
                case "show":
                    return _show(database)
                case "retry":
                    print(f"{retry_dead_letters(database)} are done now", file=sys.stderr)
                    return 0
                case _:
                    asyncio.run(_consume(options, database))
                    return 0
    except (sqlite3.Error, ValueError) as error:
        print(f"stream-consumer: {error}", file=sys.stderr)
        return 1


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    environment = os.environ
    parser = argparse.ArgumentParser(
        prog="python -m examples.stream_consumer",
        description="A ledger of finished tasks, kept from the event streams.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--redis-url", default=environment.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    parser.add_argument("--shards", type=int, default=int(environment.get("BUREAU_SHARDS", "16")))
    parser.add_argument("--database", default="finished-tasks.sqlite", help="the ledger; members share it")
    parser.add_argument("--group", default="finished-tasks", help="the consumer group")
    parser.add_argument("--member", default=f"{socket.gethostname()}-{os.getpid()}", help="unique in the group")
    parser.add_argument(
        "--claim-seconds", type=float, default=30.0, help="when a silent member's events are taken over"
    )
    parser.add_argument("command", nargs="?", choices=("show", "retry"), help="instead of reading the streams")
    return parser.parse_args(arguments)


async def _consume(options: argparse.Namespace, database: sqlite3.Connection) -> None:
    plan = Plan(
        redis_url=options.redis_url,
        streams=stream_names(options.shards),
        group=options.group,
        member=options.member,
        say=lambda line: print(line, file=sys.stderr, flush=True),
        claim_seconds=options.claim_seconds,
    )
    reading = asyncio.create_task(consume(plan, database))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, reading.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await reading


def _show(database: sqlite3.Connection) -> int:
    for row in database.execute("SELECT task_id, outcome, finished_at FROM finished_tasks ORDER BY finished_at"):
        print(json.dumps(dict(zip(("task_id", "outcome", "finished_at"), row, strict=True))))
    (put_aside,) = database.execute("SELECT count(*) FROM dead_letters").fetchone()
    print(f"{put_aside} events are put aside", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
