"""The `bureau` command line.

Exit codes: 0 done; 1 it failed, or the answer is no (lagging, unhealthy); 2 wrong usage or settings; 3 this machine
lacks a port, directory or program; 130 and 143 stopped by Ctrl-C or SIGTERM before it was done.
"""

import typer

from bureau.cli.archive import archive
from bureau.cli.dead_letters import dead_letters
from bureau.cli.demo import demo
from bureau.cli.epoch import epoch
from bureau.cli.keys import keys
from bureau.cli.migrate import migrate
from bureau.cli.readers import readers
from bureau.cli.rebuild import rebuild
from bureau.cli.serve import serve
from bureau.cli.status import status
from bureau.cli.streams import streams
from bureau.cli.up import up
from bureau.cli.verify import verify

__all__ = ["app", "main"]

_HELP = """The system of record and control plane for autonomous agents.

Data goes to standard output, words and progress to standard error.

Exit codes: 0 done; 1 it failed, or the answer is no (lagging, unhealthy); 2 wrong usage or settings; 3 this machine
lacks a port, directory or program; 130 and 143 stopped by Ctrl-C or SIGTERM before it was done.
"""

app = typer.Typer(name="bureau", help=_HELP, no_args_is_help=True, pretty_exceptions_show_locals=False)
for _command in (up, demo, migrate, status, serve, verify, rebuild):
    app.command()(_command)
app.add_typer(keys)
app.add_typer(readers)
app.add_typer(epoch)
app.add_typer(streams)
app.add_typer(dead_letters)
app.add_typer(archive)


def main() -> None:
    """Run the command line and exit with a documented code."""
    app(prog_name="bureau")
