"""Rules about what tests assert and what they wait for. Each takes one source; its violations say where and what."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, walk_with_parents

__all__ = ["find_asserts_that_cannot_fail", "find_sleeps"]

SLEEPS = frozenset({"asyncio.sleep", "time.sleep", "sleep", "anyio.sleep", "let_pass"})


def find_asserts_that_cannot_fail(source: Source) -> list[str]:
    """An assert that may come out at something that is always true: a tuple, a list, a text, a function.

    The usual way there is `assert (a, b) if broken else c`, which asserts nothing about `a` and `b`.
    """
    return [
        f"{source.path}:{node.lineno}: {ast.unparse(outcome)} is always true"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assert)
        for outcome in _outcomes(node.test)
        if _is_always_true(outcome)
    ]


def find_sleeps(source: Source) -> list[str]:
    """A sleep in no loop that asks for a condition, as `path::function`: it waits for time to pass."""
    return [
        f"{source.path}::{'.'.join(_names(parents))}"
        for node, parents in walk_with_parents(source.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in SLEEPS
        and [ast.unparse(argument) for argument in node.args] != ["0"]
        and not any(isinstance(parent, ast.While) and not _is_always_true(parent.test) for parent in parents)
    ]


def _names(parents: tuple[ast.AST, ...]) -> Iterator[str]:
    for parent in parents:
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield parent.name


def _outcomes(value: ast.expr) -> Iterator[ast.expr]:
    """Yield every expression that the value may come out at."""
    match value:
        case ast.IfExp():
            yield from _outcomes(value.body)
            yield from _outcomes(value.orelse)
        case ast.BoolOp():
            for part in value.values:
                yield from _outcomes(part)
        case ast.NamedExpr():
            yield from _outcomes(value.value)
        case _:
            yield value


def _is_always_true(value: ast.expr) -> bool:
    match value:
        case ast.Tuple(elts=held) | ast.List(elts=held) | ast.Set(elts=held) | ast.Dict(values=held):
            return bool(held)
        case ast.Constant(value=constant):
            return bool(constant)
        case _:
            return isinstance(value, ast.Lambda | ast.GeneratorExp | ast.JoinedStr)
