"""`bureau rebuild`: what it is called with."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import raising_on_stop_signals

__all__ = ["rebuild"]

Name = Annotated[str | None, typer.Argument(help="The projection, as --list names it.", show_default=False)]
Aggregate = Annotated[UUID | None, typer.Option(help="Make only this task, agent, approval or budget again, in place.")]
List = Annotated[bool, typer.Option("--list", help="Show the projections, their versions and sizes, and do nothing.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Drop the version before, which the last rebuild kept.")]
DropOld = Annotated[bool, typer.Option("--drop-old", help="Drop the old version right after the switch.")]
Abandon = Annotated[bool, typer.Option("--abandon", help="Give up a rebuild that was begun and not finished.")]
Processes = Annotated[int | None, typer.Option(help="Processes that fill the version; a core each.", min=1, max=64)]
Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: the outcome, and progress on standard error.")]


def rebuild(
    name: Name = None,
    aggregate: Aggregate = None,
    is_listing: List = False,
    confirms: Confirm = False,
    drops_old: DropOld = False,
    abandons: Abandon = False,
    processes: Processes = None,
    directory: Directory = Path(".bureau"),
    is_json: Json = False,
) -> None:
    """Make a read model anew from the log while the service runs, then switch to it.

    A new version is filled in tables of its own and follows what is written meanwhile; the old one serves until the
    switch, which takes a moment and never takes a reader back. Stopped or killed, it goes on where it stood
    when it is called again. The old version is kept until --confirm, but not kept up: there is no way back to it.

    Works on the database of the running `bureau up`, or else on DATABASE_URL and REDIS_URL.

    For example:

        bureau rebuild --list

        bureau rebuild tasks

        bureau rebuild tasks --confirm

        bureau rebuild task_detail --aggregate 019a8f6e-7d8c-7c3f-9d0e-3f5d8a1b2c4d

    Exit codes: 0 done, 1 refused or failed (the words say why, and what helps), 2 wrong usage, 130 and 143 stopped;
    call it again to go on.
    """
    with reporting_failures(), raising_on_stop_signals():
        modes = (is_listing, confirms, abandons, aggregate is not None)
        if sum(modes) > 1 or (drops_old and any(modes)) or (name is None) is not is_listing:
            message = "give one NAME, with at most one of --aggregate, --confirm, --abandon and --drop-old; or --list"
            raise typer.BadParameter(message)
        from bureau.commands import rebuild as commands

        if name is None:
            commands.run_list(directory, is_json=is_json)
        elif confirms:
            commands.run_confirm(directory, name, is_json=is_json)
        elif abandons:
            commands.run_abandon(directory, name, is_json=is_json)
        elif aggregate is not None:
            commands.run_refold(directory, name, aggregate, is_json=is_json)
        else:
            commands.run_rebuild(directory, name, processes, drops_old=drops_old, is_json=is_json)
