"""Reads the project's own Python files as syntax trees. Never imports or runs them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PRODUCT", "ROOT", "Source", "parse_source", "read_product", "read_tests", "walk_with_parents"]

ROOT = Path(__file__).resolve().parents[2]

PRODUCT = (
    "benchmarks",
    "bureau",
    "client",
    "command_api",
    "contracts",
    "domain",
    "examples",
    "infrastructure",
    "integrations",
    "migrations",
    "outbox_relay",
    "projectors",
    "query_api",
    "scripts",
)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path from the root of the project with forward slashes, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The file's name without folders, such as `__init__.py`."""
        return self.path.rpartition("/")[2]


def parse_source(path: str, text: str) -> Source:
    """Parse one file's text; raises SyntaxError."""
    return Source(path=path, text=text, tree=ast.parse(text, filename=path))


def read_product() -> list[Source]:
    """Every Python file that is not a test, in the order of the paths."""
    return list(_read_folders(PRODUCT))


def read_tests() -> list[Source]:
    """Every Python file under `tests`, in the order of the paths."""
    return list(_read_folders(("tests",)))


def walk_with_parents(
    node: ast.AST, parents: tuple[ast.AST, ...] = ()
) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Yield every node below one node with the nodes above it, the outermost first."""
    for child in ast.iter_child_nodes(node):
        yield child, (*parents, node)
        yield from walk_with_parents(child, (*parents, node))


def _read_folders(folders: tuple[str, ...]) -> Iterator[Source]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield parse_source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
