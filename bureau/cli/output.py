"""What the commands say: data on standard output, words on standard error, colours on terminals only."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from bureau.embedded import EmbeddedServerError
from bureau.errors import CommandFailedError, ExitCode, WrongSettingError
from bureau.supervise import StopRequestedError, console_lines, json_lines

__all__ = ["data_console", "line_sink", "print_json", "reporting_failures", "say", "words_console"]

_SIGNAL_BASE = 128


def data_console() -> Console:
    """Standard output, for what was asked for."""
    return Console()


def words_console() -> Console:
    """Standard error, for everything else."""
    return Console(stderr=True)


def print_json(data: object) -> None:
    """Print one JSON document on standard output, one line."""
    sys.stdout.write(f"{json.dumps(data)}\n")
    sys.stdout.flush()


def line_sink(console: Console) -> Callable[[str, str], None]:
    """Return where process output goes: readable on a terminal, JSON lines otherwise."""
    return console_lines(console) if console.is_terminal else json_lines(sys.stderr)


def say(console: Console) -> Callable[[str], None]:
    """Return what tells people about a step: a sentence on a terminal, a JSON line otherwise."""
    if console.is_terminal:
        return lambda sentence: console.print(
            f"[bold]bureau[/bold]       │ {sentence}", highlight=False, soft_wrap=True
        )
    write = json_lines(sys.stderr)
    return lambda sentence: write("bureau", sentence)


@contextmanager
def reporting_failures() -> Iterator[None]:
    """Turn an expected failure into one line on standard error and the documented exit code; logs go there, too."""
    _log_to_standard_error()
    try:
        yield
    except EmbeddedServerError as error:
        _print_failure(error)
        raise typer.Exit(ExitCode.MACHINE) from error
    except WrongSettingError as error:
        _print_failure(error)
        raise typer.Exit(ExitCode.USAGE) from error
    except CommandFailedError as error:
        _print_failure(error)
        raise typer.Exit(ExitCode.FAILED) from error
    except StopRequestedError as error:
        raise typer.Exit(_SIGNAL_BASE + error.number) from error


def _log_to_standard_error() -> None:
    """Keep what libraries and infrastructure log off the data; a process that serves sets up its own logs later."""
    import structlog  # here, so that --help need not wait for it

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _print_failure(error: Exception) -> None:
    console = words_console()
    console.print("bureau: ", style="bold red", end="")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)
