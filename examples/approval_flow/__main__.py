"""Run the approval flow: `python -m examples.approval_flow`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from uuid import UUID

from client import BureauError, Worker
from examples.approval_flow.handler import POLICY, tidy_up
from examples.approval_flow.story import People, play
from examples.connecting import ENVIRONMENT, add_connection, open_client, register

_EXAMPLES = f"""\
first, with `bureau up` running:
  export BUREAU_API_KEY=$(cat .bureau/api_key)
  export ADA_API_KEY=$(bureau keys create --name ada --role operator)
  export GRACE_API_KEY=$(bureau keys create --name grace --role operator)

examples:
  python -m examples.approval_flow                       the whole story: approved, refused, expired, not needed
  python -m examples.approval_flow work                  only the agent's worker, until Ctrl-C; then, elsewhere:
  python -m examples.approval_flow submit 'drop orders'  give it a task and wait for its end
  python -m examples.approval_flow pending               what waits for people, and what exactly it is
  BUREAU_API_KEY=$ADA_API_KEY python -m examples.approval_flow decide ID approve --reason 'It is old.'

{ENVIRONMENT}
  ADA_API_KEY, GRACE_API_KEY                     keys of two people with the role operator, for the story

exit codes: 0 done, 1 the service refused or can't be reached, 2 wrong usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _read_options(arguments)
    try:
        asyncio.run(options.run(options))
    except (BureauError, OSError, ValueError) as error:
        print(f"approval-flow: {error}", file=sys.stderr)
        return 1
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.approval_flow",
        description="An agent that does dangerous things only when people have approved.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_connection(parser)
    parser.add_argument("--agent", default="janitor", help="the agent's name (not for the story)")
    parser.set_defaults(run=_tell_story)
    commands = parser.add_subparsers(metavar="command")
    commands.add_parser("work", help="do the agent's tasks until Ctrl-C").set_defaults(run=_work)
    submit = commands.add_parser("submit", help="give the agent a task and wait for its end")
    submit.add_argument("text", help="drop NAME, flush NAME or look NAME")
    submit.set_defaults(run=_submit)
    commands.add_parser("pending", help="list what waits for people").set_defaults(run=_list_pending)
    decide = commands.add_parser("decide", help="approve or refuse")
    decide.add_argument("approval_id", type=UUID)
    decide.add_argument("decision", choices=("approve", "refuse"))
    decide.add_argument("--reason")
    decide.set_defaults(run=_decide)
    return parser.parse_args(arguments)


async def _tell_story(options: argparse.Namespace) -> None:
    keys = [os.environ.get(name) for name in ("ADA_API_KEY", "GRACE_API_KEY")]
    if not all(keys):
        raise ValueError("the story needs ADA_API_KEY and GRACE_API_KEY: see --help")
    async with (
        open_client(options) as owner,
        open_client(options, keys[0]) as ada,
        open_client(options, keys[1]) as grace,
    ):
        await play(People(owner, ada, grace), lambda who, what: print(f"{who:>7}  {what}", flush=True))


async def _work(options: argparse.Namespace) -> None:
    async with open_client(options) as client:
        await register(client, options.agent, "Tidies up, and asks before.", POLICY)
        worker = Worker(client, [options.agent])
        worker.handler(tidy_up)
        print(f"{worker.name} works for {options.agent}", file=sys.stderr, flush=True)
        await worker.run()


async def _submit(options: argparse.Namespace) -> None:
    async with open_client(options) as client:
        receipt = await client.submit_task(options.agent, options.text)
        async for entry in client.follow(receipt.task_id):
            print(entry.type, entry.data.get("approval_id", ""), flush=True)
        task = await client.wait_for_task(receipt.task_id)
        print(task.status.message.text if task.status.message else task.status.state)


async def _list_pending(options: argparse.Namespace) -> None:
    async with open_client(options) as client:
        async for each in client.iterate_approvals(status="pending"):
            approval = await client.get_approval(each.approval_id)
            said = approval.message.text if approval.message else ""
            print(f"{approval.approval_id}  {approval.operation} {approval.arguments}  {said}")


async def _decide(options: argparse.Namespace) -> None:
    async with open_client(options) as client:
        receipt = await client.decide_approval(options.approval_id, options.decision, reason=options.reason)
        print(f"the approval is {receipt.status}")


if __name__ == "__main__":
    raise SystemExit(main())
