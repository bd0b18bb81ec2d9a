"""Supervision: restarts, order, bounded stops, and no orphan whatever happens to the parent."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from queue import SimpleQueue

import pytest

from bureau.embedded import launcher
from bureau.embedded.process import launcher_command
from bureau.supervise import Supervisor, Unit, json_lines, open_supervisor, program_unit
from tests.polling import wait_until
from tests.runtime.children import OBEDIENT, STUBBORN, TALKATIVE, is_running

pytestmark = pytest.mark.faults

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def python_unit(name: str, program: str) -> Unit:
    return program_unit(name, (sys.executable, "-c", program))


def ignore_line(_name: str, _line: str) -> None: ...


def process_of(supervisor: Supervisor, name: str) -> int | None:
    return next(state.process_id for state in supervisor.states() if state.name == name)


def test_output_arrives_line_by_line_with_the_name_of_its_process() -> None:
    lines: SimpleQueue[tuple[str, str]] = SimpleQueue()
    with open_supervisor(lambda name, line: lines.put((name, line)), lambda _sentence: None) as supervisor:
        supervisor.start(python_unit("first", TALKATIVE))
        assert lines.get(timeout=20) == ("first", "ready")


def test_a_process_that_ends_is_started_again_and_this_is_said() -> None:
    said: list[str] = []
    with open_supervisor(ignore_line, said.append) as supervisor:
        supervisor.start(python_unit("short", "raise SystemExit(3)"))
        wait_until(lambda: supervisor.states()[0].restarts >= 2, timeout=30)
    assert said[0] == "short ended (exit code 3); starting it again in 0.2 s"
    assert any(sentence.startswith("short started again") for sentence in said)
    assert any("in 0.4 s" in sentence for sentence in said)


def test_a_killed_process_comes_back_with_another_number() -> None:
    said: list[str] = []
    with open_supervisor(ignore_line, said.append) as supervisor:
        supervisor.start(python_unit("steady", TALKATIVE))
        first = process_of(supervisor, "steady")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        second = wait_until(lambda: process_of(supervisor, "steady") not in {None, first}, timeout=20)
        assert second
    assert "signal 9" in said[0]


def test_everything_stops_in_reverse_order_and_what_does_not_is_killed() -> None:
    lines: SimpleQueue[tuple[str, str]] = SimpleQueue()
    with open_supervisor(lambda name, line: lines.put((name, line)), lambda _sentence: None) as supervisor:
        for name, program in (("database", OBEDIENT), ("relay", STUBBORN), ("worker", OBEDIENT)):
            supervisor.start(replace(python_unit(name, program), stop_signals=((signal.SIGTERM, 1.0),)))
            assert lines.get(timeout=20) == (name, "ready")
        processes = [state.process_id for state in supervisor.states()]
    assert [lines.get(timeout=5) for _ in range(3)] == [(name, "asked") for name in ("worker", "relay", "database")]
    assert not any(is_running(process) for process in processes if process)


def test_a_first_start_that_fails_is_the_callers_error() -> None:
    def refuse() -> "subprocess.Popen[bytes]":
        raise FileNotFoundError("no such program")

    with open_supervisor(ignore_line, lambda _sentence: None) as supervisor:
        with pytest.raises(FileNotFoundError):
            supervisor.start(replace(python_unit("missing", ""), start=refuse))
        assert supervisor.states() == ()


SUPERVISING = """
import sys, time
from bureau.supervise import open_supervisor, program_unit
with open_supervisor(lambda name, line: print(line, flush=True), lambda sentence: None) as supervisor:
    for name in ("one", "two"):
        supervisor.start(program_unit(name, (sys.executable, "-c", sys.argv[1])))
    print("processes", *(state.process_id for state in supervisor.states()), flush=True)
    time.sleep(600)
"""


@LINUX_ONLY
def test_no_child_outlives_a_supervisor_that_is_killed() -> None:
    command = (sys.executable, "-c", SUPERVISING, STUBBORN)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as parent:
        assert parent.stdout is not None
        told = next(line for line in parent.stdout if line.startswith("processes"))
        children = [int(word) for word in told.split()[1:]]
        assert all(is_running(child) for child in children)
        parent.kill()
    wait_until(lambda: not any(is_running(child) for child in children), what="the children are gone")


WATCHED = """
import subprocess, sys
with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE) as child:
    child.wait()
"""


@LINUX_ONLY
def test_where_the_kernel_does_not_help_a_pipe_ends_the_program_of_a_killed_parent() -> None:
    named = "import os; print(os.getpid(), flush=True)\n" + STUBBORN
    guarded = launcher_command((sys.executable, "-c", named), options=("--watch",))
    with subprocess.Popen((sys.executable, "-c", WATCHED, *guarded), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        program = int(parent.stdout.readline())
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        wait_until(lambda: not is_running(program), what="the guarded program is gone")


def test_a_guarded_program_gives_its_exit_code_and_gets_signals() -> None:
    guarded = launcher_command((sys.executable, "-c", "raise SystemExit(7)"), options=("--watch",))
    with subprocess.Popen(guarded, stdin=subprocess.PIPE) as process:
        assert process.wait(20) == 7
    guarded = launcher_command((sys.executable, "-c", TALKATIVE), options=("--watch",))
    with subprocess.Popen(guarded, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(20) != 0


@LINUX_ONLY
def test_a_program_whose_parent_died_before_it_began_never_begins() -> None:
    arguments = (sys.executable, "-I", "-S", launcher.__file__, "--parent", "1", "--", "/bin/echo", "begun")
    result = subprocess.run(arguments, check=False, capture_output=True)
    assert (result.returncode, result.stdout) == (1, b"")


def test_json_lines_pass_and_other_lines_are_wrapped() -> None:
    output = StringIO()
    write = json_lines(output)
    for line in ('{"event": "made", "process": "relay"}', "Traceback: {ä}", "{not json", ""):
        write("relay", line)
    written = output.getvalue().splitlines()
    assert written[0] == '{"event": "made", "process": "relay"}'
    assert [json.loads(line)["event"] for line in written] == ["made", "Traceback: {ä}", "{not json"]
    assert all(json.loads(line)["process"] == "relay" for line in written)
