"""Run the long task: `python -m examples.long_task`."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from client import BureauError, Worker
from examples.connecting import ENVIRONMENT, add_connection, open_client, register
from examples.long_task.handler import Job, count_primes
from examples.long_task.story import POLICY, blocks_of, play

_EXAMPLES = f"""\
first, with `bureau up` running:
  export BUREAU_API_KEY=$(cat .bureau/api_key)

examples:
  python -m examples.long_task                           start a worker, kill it with SIGKILL, see another go on
  python -m examples.long_task --limit 2000000 --blocks 40
  python -m examples.long_task --agent counter work      only a worker, until Ctrl-C

{ENVIRONMENT}

exit codes: 0 done, 1 the service refused or can't be reached, or the count is wrong, 2 wrong usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _read_options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        return asyncio.run(_work(options) if options.command == "work" else _tell_story(options))
    except (BureauError, OSError, ValueError) as error:
        print(f"long-task: {error}", file=sys.stderr)
        return 1


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.long_task",
        description="A long task that survives the killing of its worker.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_connection(parser)
    default = Job()
    parser.add_argument("--agent", default="counter", help="the agent's name, for `work`")
    parser.add_argument("--limit", type=int, default=default.limit, help="count the primes below this")
    parser.add_argument("--blocks", type=int, default=default.blocks, help="in so many blocks")
    parser.add_argument("command", nargs="?", choices=("work",), help="only a worker, until Ctrl-C")
    return parser.parse_args(arguments)


async def _work(options: argparse.Namespace) -> int:
    async with open_client(options) as client:
        await register(client, options.agent, "Counts primes, whatever happens.", POLICY)
        worker = Worker(client, [options.agent])
        worker.handler(count_primes)
        await worker.run()
    return 0


async def _tell_story(options: argparse.Namespace) -> int:
    async with open_client(options) as client:
        # The workers are told where the service is, and whose key to use, as every process is.
        query_url = {"BUREAU_QUERY_URL": options.query_url} if options.query_url else {}
        os.environ |= {"BUREAU_URL": options.url, "BUREAU_API_KEY": options.api_key, **query_url}
        task = await play(client, Job(limit=options.limit, blocks=options.blocks), lambda line: print(line, flush=True))
    blocks = blocks_of(task)
    for block in blocks:
        print(f"  {block.start:>9,} to {block.stop:>9,}: {block.primes:>6,} primes, attempt {block.worker_attempt}")
    total = sum(block.primes for block in blocks)
    print(f"the task is {task.status.state} in attempt {task.attempt}: {total:,} primes")
    is_whole = task.status.message is not None and task.status.message.data == {
        "start": 0, "stop": options.limit, "primes": total, "worker_attempt": task.attempt
    }  # fmt: skip
    return 0 if is_whole and len(blocks) == options.blocks else 1


if __name__ == "__main__":
    raise SystemExit(main())
