"""The agent as a handler and as a program."""

from pathlib import Path

import pytest

from client import Part, data_part, file_part, run_handler, text_part, user_message
from examples.log_analyst.__main__ import main
from examples.log_analyst.handler import analyse_task

LOG = b'h - - [22/Nov/2026:01:00:00 +0000] "GET /a HTTP/1.1" 200 1\r\n' * 3 + b"noise\n"


async def test_a_log_as_a_file_part_gives_three_artifacts() -> None:
    run = await run_handler(analyse_task, user_message("Please look", file_part(LOG, filename="access.log")))
    summary, report, chart = run.artifacts
    assert isinstance(summary.data, dict)
    assert (summary.data["lines"], summary.data["statuses"]) == (4, {"200": 3})
    assert report.text.startswith("# access.log\n")
    assert chart.text.startswith("<svg ")
    assert [artifact.parts[0].media_type for artifact in run.artifacts] == [
        "application/json",
        "text/markdown",
        "image/svg+xml",
    ]
    assert run.result is not None
    assert run.result.text == "4 lines, 0 errors."
    assert [report.fraction for report in run.progress] == [0.0, 0.9]


async def test_a_log_as_text_is_analysed_too() -> None:
    run = await run_handler(analyse_task, LOG.decode())
    assert run.artifacts[1].text.startswith("# Log\n\nA web-server access log of 4 lines")


async def test_several_files_are_analysed_as_one_log() -> None:
    run = await run_handler(analyse_task, [file_part(LOG, filename="a.log"), file_part(LOG, filename="b.log")])
    assert isinstance(run.artifacts[0].data, dict)
    assert run.artifacts[0].data["parsed"] == 6


async def test_an_empty_log_completes_with_a_word_about_it() -> None:
    run = await run_handler(analyse_task, [file_part(b"", filename="empty.log")])
    assert run.result is not None
    assert run.result.text == "The log is empty."


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (data_part({"a": 1}), "bad_input"),
        (Part(url="https://example.com/a.log"), "unsupported_input"),
        (file_part(b"\x1f\x8b\x08rest", filename="a.log.gz"), "unsupported_input"),
    ],
)
async def test_a_task_without_a_readable_log_fails_with_a_reason(part: Part, code: str) -> None:
    run = await run_handler(analyse_task, [part])
    assert run.failure is not None
    assert run.failure.code == code
    assert run.artifacts == ()


async def test_a_large_log_reports_progress_and_loses_nothing() -> None:
    run = await run_handler(analyse_task, [text_part((LOG * 5_000).decode(), filename="big.log")])
    assert isinstance(run.artifacts[0].data, dict)
    assert run.artifacts[0].data["lines"] == 20_000
    fractions = [report.fraction or 0.0 for report in run.progress]
    assert fractions == sorted(fractions)


def test_a_file_can_be_analysed_without_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "access.log").write_bytes(LOG)
    assert main(["--file", str(tmp_path / "access.log"), "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (tmp_path / "report.md").read_text()
    assert (tmp_path / "chart.svg").read_text().startswith("<svg ")


def test_a_missing_file_and_a_missing_key_are_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--file", str(tmp_path / "none.log")]) == 1
    monkeypatch.delenv("BUREAU_API_KEY", raising=False)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "BUREAU_API_KEY" in capsys.readouterr().err
