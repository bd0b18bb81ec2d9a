"""What a forked process runs: a role of the product with a fault point armed, a writer, clients, or one command."""

import asyncio
import gc
import os
import sys
from collections.abc import Mapping

import bureau.cli
import bureau.commands.serve
import command_api.application  # the fork server loads them once, so that a process is there in some milliseconds
import outbox_relay.main  # the same
import projectors.main  # the same
from bureau.roles import Role
from tests.faults.points import install
from tests.faults.task_clients import run_task_clients
from tests.faults.writers import run_writers

__all__ = ["run"]

_LOADED = (command_api.application, outbox_relay.main, projectors.main)
gc.freeze()  # what the fork server has loaded is never copied for a look at it


def run(role: str, environment: Mapping[str, str], log: str) -> None:
    """Be that process until it is killed, or told to stop by SIGTERM."""
    os.environ.update(environment)
    with open(log, "ab", buffering=0) as words:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(words.fileno(), sys.stdout.fileno())
        os.dup2(words.fileno(), sys.stderr.fileno())
    match role:
        case "command":
            os.chdir(environment["JOURNALS"])  # where no other service runs
            bureau.cli.app(environment["COMMAND"].split(), prog_name="bureau")
        case "writers":
            asyncio.run(run_writers(environment))
        case "tasks":
            asyncio.run(run_task_clients(environment))
        case _:
            if point := environment.get("BUREAU_FAULT_POINT"):
                install(point)
            bureau.commands.serve.run_serve(Role(role))
