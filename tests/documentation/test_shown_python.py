"""The Python that docs/workers.md shows: it parses, names only what the client has, and its handler passes its test."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import client
from tests.documentation.shown import PAGES, ROOT, programs

_PAGE = PAGES["workers.md"]
_SECTION = _PAGE[_PAGE.index("## In Python") : _PAGE.index("## Examples")]
_PROGRAMS = list(programs(_SECTION))
_KINDS = {
    "client": client.BureauClient,
    "task": client.TaskContext,
    "worker": client.Worker,
}


def _functions(name: str) -> Iterator[ast.AsyncFunctionDef]:
    for program in _PROGRAMS:
        yield from (node for node in ast.walk(program) if isinstance(node, ast.AsyncFunctionDef) and node.name == name)


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield object, method and call wherever something is called on one of the kinds."""
    for call in (node for program in _PROGRAMS for node in ast.walk(program) if isinstance(node, ast.Call)):
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in _KINDS:
                yield name, method, call


def test_every_call_that_is_shown_fits_the_client() -> None:
    found = list(_calls())
    assert {name for name, _, _ in found} == set(_KINDS)
    for name, method, call in found:
        signature = inspect.signature(getattr(_KINDS[name], method))
        keywords = {str(keyword.arg): keyword.value for keyword in call.keywords}
        signature.bind("self", *call.args, **keywords)


def test_every_name_that_is_imported_is_there() -> None:
    imports = [node for program in _PROGRAMS for node in ast.walk(program) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports if node.module == "client" for alias in node.names}
    assert names >= {"BureauClient", "Worker", "run_handler"}
    assert names <= set(client.__all__)


def test_the_client_needs_nothing_but_what_the_page_says() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "client").glob("*.py"))
    imports = set(re.findall(r"^(?:from|import) (\w+)", sources, flags=re.MULTILINE))
    assert imports - sys.stdlib_module_names == {"client", "httpx2", "pydantic", "pydantic_core"}
    assert "needs `httpx2` and `pydantic`" in _PAGE


async def test_everything_that_is_said_of_a_tasks_context_is_there() -> None:
    async def look(task: client.TaskContext) -> str:
        return " ".join(dir(task))

    run = await client.run_handler(look, "")
    assert run.result is not None
    words = re.findall(r"`[^`\n]*\btask\.([a-z_]+)[^`]*`", _SECTION)
    assert len(words) > 15
    assert [name for name in words if name not in run.result.text.split()] == []


def _define(function: ast.AsyncFunctionDef, names: dict[str, Any]) -> None:
    exec(compile(ast.Module([function], []), "docs/workers.md", "exec"), names)  # noqa: S102 - the page's own words


async def test_the_handler_that_is_shown_passes_the_test_that_is_shown() -> None:
    names: dict[str, Any] = {"TaskContext": client.TaskContext, "run_handler": client.run_handler}
    (greet,), (test_greets,) = _functions("greet"), _functions("test_greets")
    greet.decorator_list.clear()
    _define(greet, names)
    _define(test_greets, names)
    await names["test_greets"]()
    greet.body.pop(0)  # it reports no progress any more
    _define(greet, names)
    with pytest.raises(AssertionError):
        await names["test_greets"]()
