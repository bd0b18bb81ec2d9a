"""`bureau demo`: the whole system in a temporary directory, one real task through it, everything checked."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.demo_progress import showing_progress
from bureau.demo import AGENT_NAME, DemoInput, DemoResult, follow_story, register_agent
from bureau.embedded import find_free_port
from bureau.errors import CommandFailedError
from bureau.local import Runtime, ServicePlan, hold_directory, start_service
from bureau.roles import Role
from bureau.supervise import Supervisor, json_lines, open_supervisor, program_unit
from client.content import Artifact
from client.errors import BureauError

__all__ = ["run_demo"]

_ROLES = (Role.COMMAND_API, Role.QUERY_API, Role.RELAY, Role.PROJECTORS)
_SHARDS = 16
_LARGEST_LOG_BYTES = 700_000
_LAST_LINES = 20
_ROOT = Path(__file__).resolve().parents[2]


def run_demo(file: Path | None, output: Path | None, *, is_json: bool) -> None:
    """Run the demonstration and print what came of it.

    Raises EmbeddedServerError, CommandFailedError and StopRequestedError; nothing is left running.
    """
    log = _read_log(file)
    saved = output or Path(tempfile.mkdtemp(prefix="bureau-demo-"))
    saved.mkdir(parents=True, exist_ok=True)
    result = _run(file, log, saved)
    files = _save_artifacts(result, saved)
    if is_json:
        print_json(_document(result, files))
    else:
        _show(result, files, saved)


def _run(file: Path | None, log: bytes | None, saved: Path) -> DemoResult:
    words = words_console()
    service_log = saved / "service.log"
    with (
        tempfile.TemporaryDirectory(prefix="bureau-demo-data-", ignore_cleanup_errors=True) as data,
        hold_directory(Path(data)) as held,
        service_log.open("w", encoding="utf-8") as log_file,
        showing_progress(words) as progress,
        open_supervisor(json_lines(log_file), progress.say) as supervisor,
        _explaining(service_log, words),
    ):
        plan = ServicePlan(
            home=held.path,
            listen={role: ("127.0.0.1", find_free_port()) for role in _ROLES},
            secret_key=held.secret_key,
            api_key=held.api_key,
            shards=_SHARDS,
            environment={"BUREAU_LOG_FORMAT": "json", "BUREAU_ENVIRONMENT": "development"},
        )
        runtime = start_service(supervisor, plan, progress.say)
        commands, queries = runtime.processes[Role.COMMAND_API.value], runtime.processes[Role.QUERY_API.value]
        progress.say(f"registering the agent {AGENT_NAME}, starting its worker")
        asyncio.run(register_agent(commands, queries, held.api_key))
        _start_worker(supervisor, runtime, held.api_key)
        progress.say(f"submitting a task: {file.name if file else 'the log of this run'}")
        given = DemoInput(
            command_url=commands,
            query_url=queries,
            api_key=held.api_key,
            database_url=runtime.database_url,
            redis_url=runtime.redis_url,
            log_name=file.name if file else service_log.name,
            log=log if log is not None else _newest_lines(service_log.read_bytes()),
        )
        result = asyncio.run(follow_story(given, progress.on_entry))
        progress.say("stopping everything")
    return result


def _start_worker(supervisor: Supervisor, runtime: Runtime, api_key: str) -> None:
    environment = {
        "BUREAU_URL": runtime.processes[Role.COMMAND_API.value],
        "BUREAU_QUERY_URL": runtime.processes[Role.QUERY_API.value],
        "BUREAU_API_KEY": api_key,
        "BUREAU_LOG_FORMAT": "json",
    }
    program = (sys.executable, "-m", "examples.log_analyst")
    supervisor.start(program_unit("worker", program, environment, _ROOT))


@contextmanager
def _explaining(service_log: Path, words: Console) -> Iterator[None]:
    """When the demonstration fails, show the end of the service's log, as it is before everything stops."""
    try:
        yield
    except (BureauError, TimeoutError, CommandFailedError) as error:
        for line in service_log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]:
            words.print(line, markup=False, highlight=False, soft_wrap=True, style="dim")
        words.print(f"the whole log: {service_log}", highlight=False, soft_wrap=True)
        raise CommandFailedError(str(error) or "the task did not end in time") from error


def _read_log(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        content = file.read_bytes()
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        raise CommandFailedError(message) from error
    if not content.strip():
        message = f"{file} is empty: give a log with at least one line"
        raise CommandFailedError(message)
    if len(content) > _LARGEST_LOG_BYTES:
        words_console().print(f"bureau: taking the newest {_LARGEST_LOG_BYTES // 1000} kB of {file}", highlight=False)
    return _newest_lines(content)


def _newest_lines(content: bytes) -> bytes:
    """The end of a log, whole lines, as much as fits into one request."""
    if len(content) <= _LARGEST_LOG_BYTES:
        return content
    return content[-_LARGEST_LOG_BYTES:].partition(b"\n")[2]


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
            text = path.read_text(encoding="utf-8")
            console.print(
                Markdown(text) if console.is_terminal else text, markup=False, soft_wrap=not console.is_terminal
            )
    table = Table("one event's way", "ms", "since the last", title="The line", title_justify="left")
    for hop, previous in zip(result.hops, (None, *result.hops), strict=False):
        step = hop.milliseconds - (previous.milliseconds if previous else 0.0)
        table.add_row(hop.station, f"{hop.milliseconds:.1f}", f"{step:+.1f}")
    console.print(table)
    agreed = result.agreement
    console.print(
        f"Log, streams and read model agree: {agreed.events} events in {agreed.shards} shards byte for byte, "
        f"{agreed.task_events} of them the task's history.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Saved in {saved}: {', '.join(path.name for path in files)}, service.log", highlight=False, soft_wrap=True
    )


def _document(result: DemoResult, files: tuple[Path, ...]) -> dict[str, object]:
    return {
        "task_id": str(result.task.task_id),
        "state": result.task.status.state.value,
        "artifacts": [str(path) for path in files],
        "hops": [hop._asdict() for hop in result.hops],
        "agreement": result.agreement._asdict(),
    }
