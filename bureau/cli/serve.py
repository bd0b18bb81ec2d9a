"""`bureau serve`: one process of the service, as containers and supervisors run it."""

from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.roles import Role

__all__ = ["serve"]

RoleName = Annotated[Role, typer.Argument(help="What the process does.", show_default=False)]


def serve(role: RoleName) -> None:
    """Run one process of the service until SIGTERM; everything is configured by environment variables.

    api is commands and queries on one port, for local use. Every process answers /health and /ready on BUREAU_HOST and
    BUREAU_PORT.

    For example:

        BUREAU_PORT=8001 bureau serve command-api

        bureau serve relay

    Exit codes: 0 stopped as asked, 1 failed, 2 a setting is missing or wrong (starting again cannot help).
    """
    with reporting_failures():
        from bureau.commands.serve import run_serve

        run_serve(role)
