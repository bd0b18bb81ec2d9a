"""What the pure packages may use: a list of what is allowed, so that nothing new slips in.

The import contracts forbid what is known to be impure; this is the other half.
"""

import ast

from tests.architecture.sources import Source

__all__ = ["PURE_FOLDERS", "find_impure_code", "find_impure_imports", "is_pure"]

PURE_FOLDERS = ("contracts/", "domain/", "projectors/projections/")
PURE_MODULES = frozenset(
    {
        "abc",
        "annotated_types",
        "base64",
        "binascii",
        "collections",
        "contracts",
        "dataclasses",
        "datetime",
        "decimal",
        "domain",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "itertools",
        "json",
        "math",
        "operator",
        "projectors",
        "pydantic",
        "pydantic_core",  # the form in which pydantic describes its own schemas, and its regular expressions
        "re",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "uuid",
        "zlib",
    }
)
IMPURE_BUILTINS = frozenset({"breakpoint", "eval", "exec", "globals", "input", "open", "print"})


def is_pure(source: Source) -> bool:
    """Tell whether the source lies in a folder that must stay pure."""
    return source.path.startswith(PURE_FOLDERS)


def find_impure_imports(source: Source) -> list[str]:
    """An import of anything that is not on the list of pure modules."""
    return [
        f"{source.path}:{node.lineno}: {module} is not on the list of what pure code may import"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in _imported_modules(node)
        if module.partition(".")[0] not in PURE_MODULES
    ]


def find_impure_code(source: Source) -> list[str]:
    """A coroutine, a `global`, or a call of a builtin that reads or writes the world."""
    return [
        f"{source.path}:{getattr(node, 'lineno', 0)}: pure code does no {type(node).__name__}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global | ast.Nonlocal)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS)
    ]


def _imported_modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if node.module else []
