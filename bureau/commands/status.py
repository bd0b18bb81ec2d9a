"""`bureau status`: reading it and showing it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import addresses_of
from bureau.errors import CommandFailedError
from bureau.local import read_runtime
from bureau.local.line_status import LineStatus, read_line_status
from bureau.local.section import Section

__all__ = ["run_status"]

_COLOURS = {"ready": "green", "unready": "yellow", "unreachable": "red"}


def run_status(directory: Path, processes: list[str], patience_seconds: float, *, is_json: bool) -> bool:
    """Print the status and return whether all is well."""
    line = asyncio.run(_read(directory, processes, patience_seconds))
    if is_json:
        print_json(line.model_dump(mode="json"))
    else:
        _show(line)
    return line.is_healthy


async def _read(directory: Path, given: list[str], patience: float) -> LineStatus:
    runtime = read_runtime(directory)
    processes = (runtime.processes if runtime else {}) | dict(_parse_process(text) for text in given)
    database_url, redis_url = addresses_of(directory)
    return await read_line_status(database_url, redis_url, processes, patience_seconds=patience)


def _parse_process(text: str) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not separator or not address.startswith(("http://", "https://")):
        message = f"{text!r} is not NAME=URL, as in relay=http://127.0.0.1:8003"
        raise CommandFailedError(message)
    return name, address.rstrip("/")


def _show(line: LineStatus) -> None:
    console = data_console()
    if line.processes:
        console.print(_process_table(line))
    if line.shards:
        console.print(_shard_table(line))
    for section in line.sections:
        if section.rows:
            console.print(_section_table(section))
    words = words_console()
    words.print("[green]healthy[/green]" if line.is_healthy else "[red]not healthy[/red]", highlight=False)
    for problem in (*line.problems, *(note for section in line.sections for note in section.notes)):
        words.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)


def _process_table(line: LineStatus) -> Table:
    table = Table("process", "state", "answer", "address", "says", title="Processes", title_justify="left")
    for each in line.processes:
        state = f"[{_COLOURS[each.state]}]{each.state}[/]"
        latency = "" if each.latency_ms is None else f"{each.latency_ms:g} ms"
        table.add_row(each.name, state, latency, each.address, each.reason or "")
    return table


def _shard_table(line: LineStatus) -> Table:
    table = Table(title="Shards: positions, and how many events behind", title_justify="left")
    for heading in ("shard", "epoch", "log", "stream"):
        table.add_column(heading, justify="right")
    table.add_column("projections")
    for shard in line.shards:
        stream = "?" if shard.stream is None else _position(shard.stream, shard.stream_lag or 0)
        table.add_row(str(shard.shard), str(shard.epoch), str(shard.log), stream, _behind(shard.checkpoint_lag))
    return table


def _behind(lags: Mapping[str, int]) -> str:
    """Return the projections that are behind, the furthest first: with all of them a row would not fit a terminal."""
    behind = sorted((-lag, name) for name, lag in lags.items() if lag)
    return ", ".join(f"{name} [red]{lag}[/red]" for lag, name in behind) or f"all {len(lags)} up to date"


def _section_table(section: Section) -> Table:
    table = Table(title=section.title, title_justify="left")
    for key, value in section.rows[0].items():
        table.add_column(key.replace("_", " "), justify="left" if isinstance(value, str) else "right")
    for row in section.rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table


def _position(position: int, lag: int) -> str:
    return f"{position} [red]-{lag}[/red]" if lag else str(position)
