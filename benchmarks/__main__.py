"""`python -m benchmarks [--quick] [--peers] [NAME…]`: measure the line and print each figure beside its floor.

Names: relay, projectors, rebuild, commands, visibility, lifecycle; none means all. Each gets servers of its own, as
durable as in production. `--quick` takes a minute in all and tells less; `--peers` adds other task queues to lifecycle,
and other relays to relay.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks import commands, lifecycle, projectors, rebuild, relay, relay_backlog, visibility
from benchmarks.peer_environment import beside_peers
from benchmarks.processes import Addresses, open_servers
from benchmarks.relay_backlog import Backlog
from benchmarks.relay_peers import run_relay_peers
from benchmarks.report import Result, print_results

__all__ = ["MEASUREMENTS", "main"]


class Wish(NamedTuple):
    """How to measure."""

    is_quick: bool
    has_peers: bool


async def _measure_relay(servers: Addresses, wish: Wish) -> Sequence[Result]:
    near = await relay.run(*servers, loads=((20_000 if wish.is_quick else 200_000, 700),))
    far = await relay_backlog.measure_backlog(servers, Backlog(50_000 if wish.is_quick else 1_000_000, 700))
    results = [*near, *far]
    if not wish.has_peers:
        return results
    return await beside_peers(results, run_relay_peers(results[0].value, is_quick=wish.is_quick))


type Measurement = Callable[[Addresses, Wish], Awaitable[Sequence[Result]]]

MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "commands": lambda servers, wish: commands.run(servers, is_quick=wish.is_quick),
    "relay": _measure_relay,
    "projectors": lambda servers, wish: projectors.run(*servers, tasks=2_000 if wish.is_quick else 10_000),
    "rebuild": lambda servers, wish: rebuild.run(servers, tasks=10_000 if wish.is_quick else 100_000),
    "visibility": lambda servers, wish: visibility.run(servers, is_quick=wish.is_quick),
    "lifecycle": lambda servers, wish: lifecycle.run(servers, is_quick=wish.is_quick, has_peers=wish.has_peers),
}


async def _measure(measurement: Measurement, servers: Addresses, wish: Wish) -> Sequence[Result]:
    return await measurement(servers, wish)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurements that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the line beside its floors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    parser.add_argument("--peers", action="store_true", help="beside other task queues and relays")
    told = parser.parse_args(arguments)
    for name in told.names or MEASUREMENTS:
        if name not in MEASUREMENTS:
            parser.error(f"no measurement is called {name}: {', '.join(MEASUREMENTS)}")
        with open_servers() as servers:
            wish = Wish(is_quick=told.quick, has_peers=told.peers)
            print_results(name.capitalize(), asyncio.run(_measure(MEASUREMENTS[name], servers, wish)))


if __name__ == "__main__":
    main()
