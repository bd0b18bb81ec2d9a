"""Every command that a page shows: it exists, and takes the arguments and options that are shown."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from bureau.cli import app
from tests.documentation.shown import PAGES, ROOT, shell_commands

_STANDS_FOR = {"NAME": "relay", "SHARD": "3", "…": "http://127.0.0.1:8000"}


def _all(program: str) -> list[tuple[str, list[str]]]:
    return [(page, words[1:]) for page, text in PAGES.items() for words in shell_commands(text) if words[0] == program]


def _in_containers() -> list[tuple[str, list[str]]]:
    images = {"run": "bureau", "compose": "relay"}
    shown = [(page, words, images[words[0]]) for page, words in _all("docker") if words[0] in images]
    return [(page, words[words.index(image) + 1 :]) for page, words, image in shown if image in words]


def _in_help(command: Any, *words: str) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401 - of classes that typer keeps to itself
    """Yield the examples that a command's help shows, and those of the commands below it."""
    for example in re.findall(r"^ *(?:[A-Z]+=\$\()?bureau ([^|)\n]*)", command.help or "", flags=re.MULTILINE):
        yield " ".join(("bureau", *words, "--help")), shlex.split(example)
    for name, below in command.commands.items() if isinstance(command, TyperGroup) else ():
        yield from _in_help(below, *words, name)


_BUREAU = [*_all("bureau"), *_in_containers(), *_in_help(typer.main.get_command(app))]


def _take(words: list[str]) -> None:
    """Parse a command as the program does, without running it."""
    command = typer.main.get_command(app)
    context = typer.Context(command)
    rest = [_STANDS_FOR.get(word, word) for word in words]
    while isinstance(command, TyperGroup) and rest:
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no {rest[0]}"
        command, rest = found, rest[1:]
    if rest:
        command.make_context(command.name, rest, parent=context)


@pytest.mark.parametrize(("page", "words"), _BUREAU, ids=[" ".join((page, *words)) for page, words in _BUREAU])
def test_bureau_takes_what_is_shown(page: str, words: list[str]) -> None:
    assert page in PAGES or page.endswith("--help")
    _take(words)


@pytest.mark.parametrize("words", ["verify --deeper", "epoch lump", "serve something", "rebuild tasks twice"])
def test_what_would_be_shown_wrongly_is_found(words: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no |not one of|unexpected"):
        _take(words.split())


def test_every_target_of_make_that_is_shown_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    assert {words[0] for _, words in _all("make")} - targets == set()


def test_every_module_that_is_run_exists() -> None:
    modules = [words[1] for _, words in _all("python")]
    assert modules
    assert [module for module in modules if find_spec(module) is None] == []
