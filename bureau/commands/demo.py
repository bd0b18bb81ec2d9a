"""`bureau demo`: the whole system in a temporary directory, one real task through it, everything checked."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bureau.cli.output import words_console
from bureau.commands.demo_log import newest_lines, read_log
from bureau.commands.demo_progress import DemoProgress, showing_progress
from bureau.commands.demo_report import report_demo
from bureau.demo import AGENT_NAME, DemoInput, DemoResult, follow_story, register_agent
from bureau.embedded import find_free_port
from bureau.errors import CommandFailedError
from bureau.local import Runtime, ServicePlan, hold_directory, start_service
from bureau.roles import Role
from bureau.supervise import Supervisor, json_lines, open_supervisor, program_unit
from client.errors import BureauError

__all__ = ["explaining", "run_demo", "start_worker"]

_ROLES = (Role.COMMAND_API, Role.QUERY_API, Role.RELAY, Role.PROJECTORS)
_SHARDS = 16
# debug writes a line for every request: that is the log which the agent reads when no other is given.
_ENVIRONMENT = {"BUREAU_LOG_FORMAT": "json", "BUREAU_LOG_LEVEL": "debug", "BUREAU_ENVIRONMENT": "development"}
_LAST_LINES = 20
_ROOT = Path(__file__).resolve().parents[2]


def run_demo(file: Path | None, output: Path | None, *, is_json: bool) -> None:
    """Run the demonstration and print what came of it.

    Raises EmbeddedServerError, CommandFailedError and StopRequestedError; nothing is left running.
    """
    log = read_log(file) if file else None
    saved = output or Path(tempfile.mkdtemp(prefix="bureau-demo-"))
    saved.mkdir(parents=True, exist_ok=True)
    report_demo(_run(file, log, saved), saved, is_json=is_json)


def _run(file: Path | None, log: bytes | None, saved: Path) -> DemoResult:
    words = words_console()
    service_log = saved / "service.log"
    with (
        tempfile.TemporaryDirectory(prefix="bureau-demo-data-", ignore_cleanup_errors=True) as data,
        hold_directory(Path(data)) as held,
        service_log.open("w", encoding="utf-8") as log_file,
        showing_progress(words) as progress,
        open_supervisor(json_lines(log_file), progress.say) as supervisor,
        explaining(service_log, words),
    ):
        plan = ServicePlan(
            home=held.path,
            listen={role: ("127.0.0.1", find_free_port()) for role in _ROLES},
            secret_key=held.secret_key,
            api_key=held.api_key,
            shards=_SHARDS,
            environment=_ENVIRONMENT,
        )
        runtime = start_service(supervisor, plan, progress.say)
        given = _input(runtime, held.api_key, file)
        _start_work(supervisor, given, progress)
        progress.say(f"submitting a task: {file.name if file else 'the log of this run'}")
        given = given._replace(log=log or newest_lines(service_log.read_bytes()))
        result = asyncio.run(follow_story(given, progress.on_entry))
        progress.say("stopping everything")
    return result


def _input(runtime: Runtime, api_key: str, file: Path | None) -> DemoInput:
    return DemoInput(
        command_url=runtime.processes[Role.COMMAND_API.value],
        query_url=runtime.processes[Role.QUERY_API.value],
        api_key=api_key,
        database_url=runtime.database_url,
        redis_url=runtime.redis_url,
        agent_name=AGENT_NAME,
        is_own_agent=True,
        log_name=file.name if file else "service.log",
        log=b"",
    )


def _start_work(supervisor: Supervisor, given: DemoInput, progress: DemoProgress) -> None:
    progress.say(f"registering the agent {given.agent_name}, starting its worker")
    asyncio.run(register_agent(given))
    start_worker(supervisor, given)


def start_worker(supervisor: Supervisor, given: DemoInput) -> None:
    """Start the example worker as a process of its own, for the agent of the demonstration."""
    environment = {
        "BUREAU_URL": given.command_url,
        "BUREAU_QUERY_URL": given.query_url,
        "BUREAU_API_KEY": given.api_key,
        "BUREAU_LOG_FORMAT": "json",
    }
    program = (sys.executable, "-m", "examples.log_analyst", "--agent", given.agent_name)
    supervisor.start(program_unit("worker", program, environment, _ROOT))


@contextmanager
def explaining(service_log: Path, words: Console) -> Iterator[None]:
    """When the demonstration fails, show the end of the log, as it is before everything stops."""
    try:
        yield
    except (BureauError, TimeoutError, CommandFailedError) as error:
        lines = service_log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[-_LAST_LINES:]:
            words.print(line, markup=False, highlight=False, soft_wrap=True, style="dim")
        if lines:
            words.print(f"the whole log: {service_log}", highlight=False, soft_wrap=True)
        raise CommandFailedError(str(error) or "the task did not end in time") from error
