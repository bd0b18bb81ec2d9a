"""What the demonstration leaves behind: files, and on standard output a report, the way of one event, and a verdict."""

import json
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from bureau.cli.output import data_console, print_json
from bureau.demo import DemoResult, Hop
from client.content import Artifact

__all__ = ["report_demo"]


def report_demo(result: DemoResult, saved: Path, *, is_json: bool) -> None:
    """Save the artifacts in the directory and print what came of it."""
    files = _save_artifacts(result, saved)
    if is_json:
        print_json(_document(result, files))
    else:
        _show(result, files, saved)


def _save_artifacts(result: DemoResult, saved: Path) -> tuple[Path, ...]:
    files: list[Path] = []
    for artifact in result.task.artifacts:
        path = saved / _file_name(artifact)
        path.write_bytes(artifact.content or _as_json(artifact.data))
        files.append(path)
    return tuple(files)


def _file_name(artifact: Artifact) -> str:
    """What the worker called it, without the directories that it may have put in front."""
    given = next((part.filename for part in artifact.parts if part.filename), None)
    return Path(given or f"{(artifact.name or artifact.artifact_id).lower()}.json").name


def _as_json(data: object) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False).encode()


def _show(result: DemoResult, files: tuple[Path, ...], saved: Path) -> None:
    console = data_console()
    for path in files:
        if path.suffix == ".md":
            _show_markdown(console, path.read_text(encoding="utf-8"))
    console.print(_hop_table(result.hops))
    agreed = result.agreement
    console.print(
        f"Log, streams and read model agree: {agreed.events} events in {agreed.shards} shards byte for byte, "
        f"{agreed.task_events} of them the task's history.",
        highlight=False,
        soft_wrap=True,
    )
    names = ", ".join(sorted(path.name for path in saved.iterdir() if path.is_file()))
    console.print(f"Saved in {saved}: {names}", highlight=False, soft_wrap=True)


def _show_markdown(console: Console, text: str) -> None:
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _hop_table(hops: tuple[Hop, ...]) -> Table:
    table = Table(title="The way of one event along the line", title_justify="left")
    table.add_column("station")
    table.add_column("ms", justify="right")
    table.add_column("since the last", justify="right")
    for hop, previous in zip(hops, (None, *hops), strict=False):
        step = hop.milliseconds - (previous.milliseconds if previous else 0.0)
        table.add_row(hop.station, f"{hop.milliseconds:.1f}", f"{step:+.1f}")
    return table


def _document(result: DemoResult, files: tuple[Path, ...]) -> dict[str, object]:
    return {
        "task_id": str(result.task.task_id),
        "state": result.task.status.state.value,
        "artifacts": [str(path) for path in files],
        "hops": [hop._asdict() for hop in result.hops],
        "agreement": result.agreement._asdict(),
    }
