"""What the agent does with a task: find the log in it, analyse it, report progress, add three artifacts."""

import io
import time
from collections.abc import Iterable, Iterator, Sequence

from client import Part, TaskContext, TaskFailedError, data_part, text_part
from examples.log_analyst.analyse import analyse_log
from examples.log_analyst.chart import draw_chart
from examples.log_analyst.lines import read_lines
from examples.log_analyst.report import write_report
from examples.log_analyst.summary import Summary

__all__ = ["analyse_task", "find_log"]

_PROGRESS_SECONDS = 0.5
_LINES_A_LOOK = 2_000
_READING_SHARE = 0.9
_GZIP_MARK = b"\x1f\x8b"


def analyse_task(task: TaskContext) -> str:
    """Analyse the log that the task holds and return the result in a sentence; blocking, so it runs in a thread.

    Raises TaskFailedError `bad_input` for a task without a log, `unsupported_input` for a link or a compressed file.
    """
    title, content = find_log(task.parts)
    task.wait(task.progress(0.0, f"Reading {len(content):,} bytes"))
    stream = io.BytesIO(content)
    summary = analyse_log(_report_progress(task, stream, len(content)))
    task.wait(task.progress(_READING_SHARE, f"Read {summary.lines:,} lines; writing the report"))
    task.wait(_add_artifacts(task, summary, title))
    return _conclude(summary)


def find_log(parts: Sequence[Part]) -> tuple[str, bytes]:
    """Return a title and the log's bytes: files where there are any, else text; several are put one behind another."""
    if any(part.url is not None for part in parts):
        raise TaskFailedError("unsupported_input", "Send the log itself: links are not followed.")
    files = [part for part in parts if part.filename is not None or part.raw is not None]
    contents = [part.content for part in files or parts if part.content is not None]
    if not contents:
        raise TaskFailedError("bad_input", "The task holds no log: send it as a text part or as a file part.")
    if any(content.startswith(_GZIP_MARK) for content in contents):
        raise TaskFailedError("unsupported_input", "The log is compressed: unpack it first.")
    names = [part.filename for part in files if part.filename is not None]
    return ", ".join(names) or "Log", b"\n".join(content.removesuffix(b"\n") for content in contents)


def _report_progress(task: TaskContext, stream: io.BytesIO, size: int) -> Iterator[str]:
    """Yield the lines; about twice a second say how far the reading is, and stop when the task is taken away."""
    told_at = time.monotonic()
    for number, line in enumerate(read_lines(stream), 1):
        yield line
        if number % _LINES_A_LOOK:
            continue
        if task.is_canceled:
            return
        if time.monotonic() - told_at >= _PROGRESS_SECONDS:
            task.wait(task.progress(_READING_SHARE * stream.tell() / size, f"Read {number:,} lines"))
            told_at = time.monotonic()


async def _add_artifacts(task: TaskContext, summary: Summary, title: str) -> None:
    documents = (
        ("summary", "Summary", data_part(summary)),
        ("report", "Report", text_part(write_report(summary, title), media_type="text/markdown", filename="report.md")),
        ("chart", "Chart", text_part(draw_chart(summary, title), media_type="image/svg+xml", filename="chart.svg")),
    )
    for artifact_id, name, part in documents:
        await task.artifact(part, artifact_id=artifact_id, name=name)


def _conclude(summary: Summary) -> str:
    """Return the result in a sentence."""
    if not summary.parsed:
        return "The log is empty." if summary.lines == summary.blank else "No line of the log could be understood."
    worst: Iterable[str] = (f", most often: {error.text}" for error in summary.top_errors[:1])
    return f"{summary.lines:,} lines, {summary.errors:,} errors{next(iter(worst), '')}."
