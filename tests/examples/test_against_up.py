"""The examples as a person runs them: `bureau up`, keys from the command line, programs as processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.polling import wait_until
from tests.runtime.command_line import bureau, starting_up

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.faults, pytest.mark.slow]


def run(environment: dict[str, str], program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", f"examples.{program}", *arguments)
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ) | environment, timeout=120
    )


def make_key(directory: Path, name: str, *roles: str) -> str:
    options = [part for role in roles for part in ("--role", role)]
    made = bureau("keys", "create", "--name", name, *options, "--directory", str(directory))
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_examples_run_against_a_service_that_is_up(server_directory: Path, subtests: pytest.Subtests) -> None:
    directory = server_directory / ".bureau"
    with starting_up(directory) as (_, processes):
        key = (directory / "api_key").read_text(encoding="utf-8").strip()
        ada, grace = (make_key(directory, name, "operator") for name in ("ada", "grace"))
        environment = {"BUREAU_URL": processes["api"], "BUREAU_API_KEY": key}
        with subtests.test("a task survives the killing of its worker"):
            check_long_task(environment)
        with subtests.test("approved by two, refused by one, expired, not needed"):
            check_story(environment | {"ADA_API_KEY": ada, "GRACE_API_KEY": grace})
        with subtests.test("people decide from the command line"):
            check_command_line(environment, ada, grace)


def check_long_task(environment: dict[str, str]) -> None:
    told = run(environment, "long_task", "--limit", "20000", "--blocks", "8")
    assert told.returncode == 0, told.stdout + told.stderr
    lines = told.stdout.splitlines()
    assert any("with SIGKILL" in line for line in lines)
    assert "task.attempt_failed {'attempt': 1, 'code': 'lease_expired'}" in lines
    attempts = [line.rpartition(" ")[2] for line in lines if " primes, attempt " in line]
    assert (len(attempts), attempts == sorted(attempts), set(attempts)) == (8, True, {"1", "2"})
    assert lines[-1] == "the task is completed in attempt 2: 2,262 primes"


def check_story(environment: dict[str, str]) -> None:
    told = run(environment, "approval_flow")
    assert told.returncode == 0, told.stdout + told.stderr
    ends = [line[9:] for line in told.stdout.splitlines() if line.startswith("  agent") and "waits" not in line]
    assert ends == [
        "Did database.drop on orders_2019 (approved).",
        "Left customers alone: the approval was refused.",
        "Left sessions alone: the approval was expired.",
        "Did database.look on orders (not required).",
    ]
    assert "owner  may not approve: own_request" in told.stdout


def check_command_line(environment: dict[str, str], ada: str, grace: str) -> None:
    command = (sys.executable, "-m", "examples.approval_flow")
    everything = dict(os.environ) | environment
    worker = subprocess.Popen((*command, "work"), cwd=ROOT, env=everything, stderr=subprocess.PIPE, text=True)
    try:
        assert worker.stderr is not None
        assert "works for janitor" in worker.stderr.readline()
        with subprocess.Popen(
            (*command, "submit", "drop orders"), cwd=ROOT, env=everything, stdout=subprocess.PIPE, text=True
        ) as submitted:
            shown = wait_until(lambda: run(environment, "approval_flow", "pending").stdout, timeout=30)
            approval_id = shown.split()[0]
            assert "database.drop {'name': 'orders'}" in shown
            for person, status in ((ada, "pending"), (grace, "approved")):
                decided = run(
                    environment | {"BUREAU_API_KEY": person}, "approval_flow", "decide", approval_id, "approve"
                )
                assert decided.stdout == f"the approval is {status}\n", decided.stderr
            told, _ = submitted.communicate(timeout=30)
        assert told.endswith("Did database.drop on orders (approved).\n")
        late = run(environment | {"BUREAU_API_KEY": ada}, "approval_flow", "decide", approval_id, "refuse")
        assert (late.returncode, "approval_decided" in late.stderr) == (1, True)
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    assert worker.returncode == 0
