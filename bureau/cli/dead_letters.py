"""`bureau dead-letters`: what it is called with."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import raising_on_stop_signals

__all__ = ["dead_letters"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Projection = Annotated[str | None, typer.Option(help="Only those of this projection.", show_default=False)]
Root = Annotated[UUID | None, typer.Option(help="Only those of this task, agent or budget.", show_default=False)]
Letter = Annotated[UUID, typer.Argument(help="The dead letter's id, as `list` shows it.", show_default=False)]
Letters = Annotated[list[UUID] | None, typer.Argument(help="Ids of dead letters.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every dead letter that the options leave.")]
Event = Annotated[UUID | None, typer.Option(help="The event to skip; it must be the first.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Say that you know what a skip means.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until the projectors have done it.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """Events that a read model could not take, and that wait with the later events of their task, agent or budget.

A dead letter is one root in one projection: everything of it from the event that failed. All else goes on meanwhile,
and queries that touch it say `Bureau-Stale: true`. Works on the database of the running `bureau up`, or else on
DATABASE_URL; the projectors do what is asked.

Exit codes: 0 done; 1 something waits still, there is no such dead letter, nobody did it in time, or the database is out
of reach; 2 wrong usage or settings.
"""

dead_letters = typer.Typer(name="dead-letters", help=_HELP, no_args_is_help=True)


@dead_letters.command("list")
def list_letters(
    projection: Projection = None, root: Root = None, directory: Directory = Path(".bureau"), is_json: Json = False
) -> None:
    """Show what waits: projection, root, how many events, the one that failed and why.

    For example:

        bureau dead-letters list --projection tasks

        bureau dead-letters list --json | jq -r '.dead_letters[].dead_letter_id'

    Exit codes: 0 done, also where nothing waits; 1 the database is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.dead_letters import run_list

        run_list(directory, projection, root, is_json=is_json)


@dead_letters.command()
def show(letter: Letter, directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show one with its events, oldest first; with --json each event whole, as the log holds it.

    For example:

        bureau dead-letters show 0193a1b2-0000-7000-8000-000000000001 --json | jq '.events[0].event'

    Exit codes: 0 done, 1 there is no such dead letter, or the database is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.dead_letters import run_show

        run_show(directory, letter, is_json=is_json)


@dead_letters.command()
def retry(
    letters: Letters = None,
    projection: Projection = None,
    root: Root = None,
    is_all: All = False,
    wait: Wait = 30.0,
    directory: Directory = Path(".bureau"),
    is_json: Json = False,
) -> None:
    """Have the events of dead letters applied in their order, once what was wrong is mended.

    Stops at the first event that fails again: it and what follows wait on, what came before is applied. Safe to repeat,
    and safe while the service works.

    For example:

        bureau dead-letters retry 0193a1b2-0000-7000-8000-000000000001

        bureau dead-letters retry --all --projection tasks

    Exit codes: 0 nothing waits any more of what was named; 1 something failed again, there is no such dead letter, or
    no projector did it in time (it stays asked for); 2 wrong usage.
    """
    with reporting_failures(), raising_on_stop_signals():
        if bool(letters) == (is_all or projection is not None or root is not None):
            message = "name dead letters by id, or choose them by --all, --projection or --root"
            raise typer.BadParameter(message)
        from bureau.commands.dead_letters import run_retry

        if not run_retry(directory, letters or [], (projection, root), wait, is_json=is_json):
            raise typer.Exit(1)


@dead_letters.command()
def skip(
    letter: Letter,
    event: Event = None,
    is_sure: Yes = False,
    wait: Wait = 30.0,
    directory: Directory = Path(".bureau"),
    is_json: Json = False,
) -> None:
    """Leave out the event that failed, then have the rest applied. The read model differs from the log from then on.

    What the event said is missing in the view, for ever or until the projection is rebuilt with code that can take it;
    `bureau verify --deep` names what was skipped, and counts it as no difference. Others that read the streams are not
    concerned. Who asked, when and for which event stays on record. Needs --yes.

    For example:

        bureau dead-letters skip 0193a1b2-0000-7000-8000-000000000001 --yes

    Exit codes: 0 nothing waits any more; 1 a later event failed, there is no such dead letter or event, or no projector
    did it in time (it stays asked for); 2 wrong usage, or --yes is missing.
    """
    with reporting_failures(), raising_on_stop_signals():
        if not is_sure:
            message = (
                "the view of this root will differ from the log: what the event says will be missing in it; "
                "look with `bureau dead-letters show`, then say --yes"
            )
            raise typer.BadParameter(message)
        from bureau.commands.dead_letters import run_skip

        if not run_skip(directory, letter, event, wait, is_json=is_json):
            raise typer.Exit(1)
