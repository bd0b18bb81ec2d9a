"""`bureau demo --url`: one real task through a service that runs already; nothing of it is started or stopped."""

import asyncio
import tempfile
from pathlib import Path

from bureau.cli.output import words_console
from bureau.commands.demo import explaining, start_worker
from bureau.commands.demo_log import read_log, sample_log
from bureau.commands.demo_progress import DemoProgress, showing_progress
from bureau.commands.demo_report import report_demo
from bureau.commands.settings import load_settings
from bureau.demo import AGENT_NAME, DemoInput, DemoResult, follow_story, register_agent, retire_agent
from bureau.errors import CommandFailedError, WrongSettingError
from bureau.local import reason_of
from bureau.supervise import json_lines, open_supervisor
from infrastructure.identifiers import new_id
from infrastructure.postgres import is_database_error
from infrastructure.redis_client import is_redis_error

__all__ = ["run_demo_elsewhere"]


def run_demo_elsewhere(
    url: str, query_url: str | None, file: Path | None, output: Path | None, *, has_worker: bool, is_json: bool
) -> None:
    """Run the demonstration against the service and print what came of it.

    Without a worker of its own the task goes to the agent `log-analyst`, whose worker runs already. Raises
    CommandFailedError, WrongSettingError and StopRequestedError; a worker that was started is stopped.
    """
    settings = load_settings()
    api_key = settings.bootstrap_api_key.get_secret_value()
    if not api_key:
        message = "BUREAU_API_KEY is missing: the key that the service knows"
        raise WrongSettingError(message)
    given = DemoInput(
        command_url=url.rstrip("/"),
        query_url=(query_url or url).rstrip("/"),
        api_key=api_key,
        database_url=settings.database_url.get_secret_value(),
        redis_url=settings.redis_url.get_secret_value(),
        agent_name=f"demo-{new_id().hex[-8:]}" if has_worker else AGENT_NAME,
        is_own_agent=has_worker,
        log_name=file.name if file else "access.log",
        log=read_log(file) if file else sample_log(),
    )
    saved = output or Path(tempfile.mkdtemp(prefix="bureau-demo-"))
    saved.mkdir(parents=True, exist_ok=True)
    report_demo(_run(given, saved), saved, is_json=is_json)


def _run(given: DemoInput, saved: Path) -> DemoResult:
    words = words_console()
    worker_log = saved / "worker.log"
    with (
        worker_log.open("w", encoding="utf-8") as log_file,
        showing_progress(words) as progress,
        open_supervisor(json_lines(log_file), progress.say) as supervisor,
        explaining(worker_log, words),
    ):
        if given.is_own_agent:
            progress.say(f"registering the agent {given.agent_name}, starting its worker")
            asyncio.run(register_agent(given))
            start_worker(supervisor, given)
        return _follow(given, progress)


def _follow(given: DemoInput, progress: DemoProgress) -> DemoResult:
    progress.say(f"submitting a task: {given.log_name}")
    try:
        return asyncio.run(follow_story(given, progress.on_entry))
    except Exception as error:
        if not is_database_error(error) and not is_redis_error(error):
            raise
        message = f"DATABASE_URL or REDIS_URL cannot be used: {reason_of(error)}"
        raise CommandFailedError(message) from error
    finally:
        if given.is_own_agent:
            asyncio.run(retire_agent(given))
