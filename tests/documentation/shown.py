"""What the pages show: commands for a shell, calls of the API, and programs in Python."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

__all__ = ["PAGES", "ROOT", "Call", "blocks", "calls", "programs", "shell_commands"]

ROOT: Final = Path(__file__).parents[2]
PAGES: Final[Mapping[str, str]] = {
    path.name: path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}

_STARTERS: Final = r"(?:bureau|call|curl|docker|make|python) "


class Call(NamedTuple):
    """One request that a page shows: the path below /api/v1 with its query, headers by name, and the body's text."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str | None


def blocks(page: str, language: str = "") -> Iterator[str]:
    """Yield the blocks of a page: the fenced ones of a language, or the indented ones."""
    if language:
        yield from re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
        return
    yield from (dedent(block) for block in re.findall(r"(?:(?<=\n\n)|(?<=\n))(?: {4}.*\n|\n(?= {4}))+", page))


def shell_commands(page: str) -> Iterator[list[str]]:
    """Yield the words of every command that a page shows, in an indented block or in a line, up to a pipe."""
    page = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    pattern = rf"^ *(?:[A-Z_]+=\S+ )*(?:export [A-Z_]+=\$\()?({_STARTERS}.*)|`({_STARTERS}[^`]*)`"
    for match in re.finditer(pattern, page, flags=re.MULTILINE):
        words = _words(match[2]) if match[2] else _words(match[1], page[match.end(1) :])
        yield list(takewhile(lambda word: word[0] not in "|<>", words))


def _words(line: str, following: str = "") -> list[str]:
    """Return the words of a command; where a quotation is not closed, following lines belong to it."""
    for more in [*following.splitlines()[1:], ""]:
        try:
            return shlex.split(line.removesuffix(")") if line.count(")") > line.count("(") else line, comments=True)
        except ValueError:
            line += f"\n{more}"
    return shlex.split(line)


def calls(page: str) -> Iterator[Call]:
    """Yield the requests of the API that a page shows, in their order."""
    for program, *words in shell_commands(page):
        if program in {"call", "curl"} and (call := _call(words)) is not None:
            yield call


def _call(words: list[str]) -> Call | None:
    """Return the request of a command's words; None for one that is not to the API."""
    target, method, headers, body = "", "", {}, None
    rest = iter(words)
    for word in rest:
        match word:
            case "-d":
                body = next(rest)
            case "-X":
                method = next(rest)
            case "-H" | "-sH":
                name, _, value = next(rest).partition(":")
                headers[name] = value.strip()
            case _:
                target = target if word.startswith("-") else word
    path = target if target.startswith("/") else target.partition("/api/v1")[2]
    return Call(method or ("GET" if body is None else "POST"), path, headers, body) if path else None


def programs(page: str) -> Iterator[ast.Module]:
    """Yield the indented blocks of a page that are Python, which may await where they stand."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    for block in blocks(page):
        yield compile(block, "page", "exec", flags)
