"""The log that the demonstration gives to the agent: a file's, or one made up."""

from pathlib import Path

from bureau.cli.output import words_console
from bureau.errors import CommandFailedError

__all__ = ["newest_lines", "read_log", "sample_log"]

_LARGEST_LOG_BYTES = 700_000
_SAMPLE_LINES = 600
_SAMPLE_REQUESTS = (
    *("GET /api/v1/tasks 200 18",) * 13,
    *("POST /api/v1/tasks 201 24",) * 8,
    *("GET /api/v1/agents 200 12",) * 5,
    *("POST /api/v1/leases 200 35",) * 4,
    *("GET /reports/weekly 200 1840",) * 3,
    *("POST /api/v1/tasks 422 9",) * 2,
    "GET /favicon.ico 404 3",
    "GET /reports/weekly 503 5003",
)


def read_log(file: Path) -> bytes:
    """Return a file's newest lines, as much as fits into one request; raises CommandFailedError."""
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
    return newest_lines(content)


def newest_lines(content: bytes) -> bytes:
    """The end of a log, whole lines, as much as fits into one request."""
    if len(content) <= _LARGEST_LOG_BYTES:
        return content
    return content[-_LARGEST_LOG_BYTES:].partition(b"\n")[2]


def sample_log() -> bytes:
    """A web server's access log of ten minutes, the same at every call, with a few errors and one slow page."""
    return "".join(_sample_line(number) for number in range(_SAMPLE_LINES)).encode()


def _sample_line(number: int) -> str:
    # The square makes the order look like traffic rather than a wheel.
    place = (number * number // 7 + number) % len(_SAMPLE_REQUESTS)
    method, path, status, milliseconds = _SAMPLE_REQUESTS[place].split()
    seconds = int(milliseconds) * (70 + number % 61) / 100_000
    second = f"{number // 60:02d}:{number % 60:02d}"
    size = 200 + number * 37 % 900
    return (
        f"192.0.2.{number % 23 + 1} - - [02/Mar/2026:09:{second} +0000] "
        f'"{method} {path} HTTP/1.1" {status} {size} "-" "sample/1.0" {seconds:.3f}\n'
    )
