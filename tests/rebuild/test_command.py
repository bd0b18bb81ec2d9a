"""`bureau rebuild` as people and scripts call it, and killed in the middle of what it does."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.task_events import fill_log
from bureau.cli.output import words_console
from bureau.commands.rebuild_progress import showing_rebuild
from bureau.local.build_processes import run_build_processes
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_checkpoints, read_standings
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import begin_version, read_pointers
from infrastructure.version_tables import make_tables
from projectors.building import BuildFailedError
from projectors.projections import table_names
from projectors.projections.tasks import TASKS
from projectors.rebuilding import Phase, Progress
from tests.fold import find_unfolded
from tests.polling import poll_until
from tests.projectors.stories import write_tasks
from tests.rebuild.rebuilds import project_everything
from tests.runtime.command_line import bureau
from tests.servers import TEST_SHARDS


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


@asynccontextmanager
async def _rebuilding(environment: dict[str, str], directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", "bureau", "rebuild", "tasks", "--json", "--directory", str(directory))
    process = await asyncio.create_subprocess_exec(
        *command, "--processes", "2", env=os.environ | environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _steps(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(b"{"):
            yield json.loads(line)


_HOLDS = {
    "filling": "SELECT FROM read.checkpoints WHERE projection = 'tasks' AND version = 2 AND shard = ("
    " SELECT f.shard FROM log.floors f, log.head_of(f.shard) h ORDER BY h.position LIMIT 1) FOR UPDATE",
    "indexing": "LOCK TABLE read_tasks_v2.task_list IN ROW EXCLUSIVE MODE",
    "switching": "SELECT FROM read.projections WHERE projection = 'tasks' FOR UPDATE",
}
"""What keeps a rebuild from ending a phase: in the first, that the shard with the fewest events is filled at last."""


@asynccontextmanager
async def _held_up(pool: Pool, phase: str) -> AsyncIterator[None]:
    """Let a rebuild that begins come to a phase and no further."""
    has_begun = "SELECT EXISTS (SELECT FROM read.checkpoints WHERE projection = 'tasks' AND version = 2)"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL transaction_timeout = 0")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await poll_until(lambda: connection.fetchval(has_begun), timeout=60, what="the rebuild begins")
        await connection.execute(_HOLDS[phase])
        yield


async def test_the_command_rebuilds_lists_and_drops(
    pool: Pool, randomness: Random, environment: dict[str, str], tmp_path: Path
) -> None:
    await write_tasks(pool, randomness, 20)
    await project_everything(pool, (TASKS,))
    directory = ("--directory", str(tmp_path / "none"))

    rebuilt = await asyncio.to_thread(bureau, "rebuild", "tasks", "--json", *directory, environment=environment)
    listed = await asyncio.to_thread(bureau, "rebuild", "--list", "--json", *directory, environment=environment)
    again = await asyncio.to_thread(bureau, "rebuild", "tasks", *directory, environment=environment)
    confirmed = await asyncio.to_thread(bureau, "rebuild", "tasks", "--confirm", *directory, environment=environment)
    nothing = await asyncio.to_thread(bureau, "rebuild", "tasks", "--confirm", *directory, environment=environment)

    assert rebuilt.returncode == 0, rebuilt.stderr
    steps = [json.loads(line) for line in rebuilt.stderr.splitlines() if line.startswith("{")]
    assert (steps[0]["applied"], steps[0]["remaining_seconds"]) == (0, None)
    assert (steps[-1]["applied"], steps[-1]["remaining_seconds"]) == (steps[-1]["total"], 0.0)
    outcome = json.loads(rebuilt.stdout)
    assert (outcome["projection"], outcome["version"], outcome["kept"]) == ("tasks", 2, 1)
    tasks = {each["projection"]: each for each in json.loads(listed.stdout)["projections"]}["tasks"]
    assert (tasks["version"], tasks["kept"], tasks["building"], tasks["lag"]) == (2, 1, None, 0)
    assert tasks["bytes"] > 0
    assert (again.returncode, "--confirm" in again.stderr) == (1, True)
    assert confirmed.returncode == 0, confirmed.stderr
    assert (nothing.returncode, "--list" in nothing.stderr) == (1, True)
    assert await find_unfolded(pool, (TASKS,)) == []


def test_a_line_a_second_says_how_fast_it_is_and_how_long_it_still_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr("bureau.commands.rebuild_progress.monotonic_seconds", lambda: seconds[0])

    with showing_rebuild(words_console(), "tasks", is_json=True) as tell:
        for applied in (1_000, 1_800, 2_000, 2_900, 4_000):  # another call had applied a thousand
            tell(Progress(Phase.FILLING, applied, 6_000))
            seconds[0] += 0.5

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [(line["applied"], line["events_per_second"], line["remaining_seconds"]) for line in lines]
    assert told == [(1_000, 0.0, None), (2_000, 1_000.0, 4.0), (4_000, 1_500.0, 1.3)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "there is no projection 'nothing', but agents"),
        (["tasks", "--abandon"], "no rebuild of tasks was begun"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    refused = bureau("rebuild", *arguments, "--directory", str(tmp_path / "none"), environment=environment)
    assert (refused.returncode, words in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize("arguments", [[], ["tasks", "--list"], ["tasks", "--confirm", "--abandon"]])
def test_options_that_do_not_go_together_are_wrong_usage(arguments: list[str]) -> None:
    assert bureau("rebuild", *arguments).returncode == 2


async def test_processes_of_their_own_fill_the_shards(pool: Pool, randomness: Random, database_url: str) -> None:
    await write_tasks(pool, randomness, 30)
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))
    await open_checkpoints(pool, version)

    await run_build_processes(database_url, version, range(TEST_SHARDS), 2)

    assert all(each.checkpoint == each.head for each in (await read_standings(pool, version)).values())


async def test_a_process_that_fails_says_why(database_url: str) -> None:
    with pytest.raises(ExceptionGroup) as failed:
        await run_build_processes(database_url, ReadVersion("tasks", 7), [0], 1)
    assert failed.group_contains(BuildFailedError, match="version 7 of tasks was given up")


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.parametrize("phase", ["filling", "indexing", "switching"])
async def test_a_rebuild_that_is_killed_goes_on_where_it_stood(
    pool: Pool, environment: dict[str, str], tmp_path: Path, phase: str
) -> None:
    await fill_log(pool, 6_000, shards=TEST_SHARDS)
    async with _rebuilding(environment, tmp_path) as process, _held_up(pool, phase):
        async for step in _steps(process):
            if step["phase"] == phase and step["applied"] > 0:
                process.kill()
                break
        assert await process.wait() == -signal.SIGKILL
    pointer = (await read_pointers(pool))["tasks"]
    assert (pointer.version, pointer.building) == (1, 2)

    async with _rebuilding(environment, tmp_path) as process:
        applied = [step["applied"] async for step in _steps(process)]
        assert process.stdout is not None
        outcome = await process.stdout.read()
        code = await process.wait()

    assert (code, json.loads(outcome)["is_resumed"]) == (0, True)
    assert applied[0] > 0
    assert (await read_pointers(pool))["tasks"].version == 2
    assert await find_unfolded(pool, (TASKS,)) == []
