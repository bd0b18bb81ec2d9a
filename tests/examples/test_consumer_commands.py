"""The integration's commands beside reading: what the ledger holds, and another try for what was put aside."""

import json
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from examples.stream_consumer import open_ledger, record_entries
from examples.stream_consumer.__main__ import main
from tests.examples.test_stream_consumer import body, entry


def test_the_ledger_is_shown_and_what_was_put_aside_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [UUID(int=number) for number in (1, 2)]
    first = {"task_id": str(tasks[0]), "outcome": "failed", "finished_at": "2026-11-22T12:00:00Z"}
    second = first | {"task_id": str(tasks[1]), "outcome": "completed"}

    def told(command: str, path: Path = tmp_path / "ledger.sqlite") -> tuple[int, list[dict[str, str]], str]:
        code, said = main(["--database", str(path), command]), capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    with closing(open_ledger(tmp_path / "ledger.sqlite")) as ledger:
        record_entries(ledger, [entry(1, tasks[0], outcome="failed"), entry(2, tasks[1])._replace(body=b"{")])
        assert told("show") == (0, [first], "1 events are put aside\n")
        assert told("retry") == (0, [], "0 are done now\n")
        ledger.execute("UPDATE dead_letters SET body = ?", (body(tasks[1]),))
        assert told("retry") == (0, [], "1 are done now\n")
        assert told("show") == (0, [first, second], "0 events are put aside\n")

    unusable = tmp_path / "no" / "ledger.sqlite"
    assert told("show", unusable) == (1, [], "stream-consumer: unable to open database file\n")
