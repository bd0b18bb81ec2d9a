"""`python -m benchmarks [--quick] [NAME…]`: measure the line and print each figure beside its floor.

Names: relay, projectors, commands, visibility; none means all. Each gets servers of its own, as durable as in
production. `--quick` takes a minute in all and tells less.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from benchmarks import commands, projectors, relay, visibility
from benchmarks.processes import Addresses, open_servers
from benchmarks.report import Result, print_results

__all__ = ["main"]

type Measurement = Callable[[Addresses, bool], Awaitable[Sequence[Result]]]

_MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "commands": lambda servers, is_quick: commands.run(servers, is_quick=is_quick),
    "relay": lambda servers, is_quick: relay.run(*servers, loads=((20_000 if is_quick else 200_000, 700),)),
    "projectors": lambda servers, is_quick: projectors.run(*servers, tasks=2_000 if is_quick else 10_000),
    "visibility": lambda servers, is_quick: visibility.run(servers, is_quick=is_quick),
}


async def _measure(measurement: Measurement, servers: Addresses, *, is_quick: bool) -> Sequence[Result]:
    return await measurement(servers, is_quick)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurements that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the line beside its floors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_MEASUREMENTS))
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    told = parser.parse_args(arguments)
    for name in told.names or _MEASUREMENTS:
        if name not in _MEASUREMENTS:
            parser.error(f"no measurement is called {name}: {', '.join(_MEASUREMENTS)}")
        with open_servers() as servers:
            print_results(name.capitalize(), asyncio.run(_measure(_MEASUREMENTS[name], servers, is_quick=told.quick)))


if __name__ == "__main__":
    main()
