"""Rules about docstrings and exports. Each takes one source and returns its violations as `path:line: what`."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source

__all__ = [
    "find_broken_exports",
    "find_empty_words",
    "find_missing_docstrings",
    "find_missing_exports",
]

type Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

FILLERS = frozenset({"a", "an", "the", "of", "to", "for", "from", "in", "on", "and", "or", "this", "that", "is", "its"})
# Alembic calls upgrade and downgrade by name; programs are started and not imported.
WITHOUT_EXPORTS = ("__main__.py", "env.py", "conftest.py")


def find_missing_docstrings(source: Source) -> list[str]:
    """A module, or a public class or function of it, that has no docstring."""
    missing = [] if ast.get_docstring(source.tree) else [f"{source.path}:1: the module has no docstring"]
    if "/versions/" in source.path:
        return missing
    return missing + [
        f"{source.path}:{node.lineno}: {node.name} has no docstring"
        for node in _public_definitions(source.tree)
        if not ast.get_docstring(node) and not _is_overload(node)
    ]


def find_empty_words(source: Source) -> list[str]:
    """A docstring of a class or function that says nothing more than its name."""
    return [
        f"{source.path}:{node.lineno}: the docstring of {node.name} only repeats the name"
        for node in _public_definitions(source.tree)
        if (docstring := ast.get_docstring(node)) and _words(docstring) <= _words(node.name)
    ]


def find_missing_exports(source: Source) -> list[str]:
    """A module with public names but no `__all__`, or a public definition that `__all__` forgets.

    Definitions under a decorator that registers them (routes, commands, handlers) are used through the decorator.
    """
    if source.name in WITHOUT_EXPORTS or "/versions/" in source.path:
        return []
    exported = _exported_names(source.tree)
    public = _top_level_names(source.tree, with_imports=source.name == "__init__.py")
    if exported is None:
        return [f"{source.path}:1: public names without __all__"] if public else []
    return [
        f"{source.path}:{node.lineno}: {node.name} is public but not in __all__"
        for node in source.tree.body
        if isinstance(node, Documented.__value__)
        and not node.name.startswith("_")
        and node.name not in exported
        and not _is_registered(node)
    ]


def find_broken_exports(source: Source) -> list[str]:
    """A name in `__all__` that the module neither defines nor imports, or that stands there twice."""
    exported = _exported_names(source.tree) or []
    bound = _bound_names(source.tree)
    unknown = [f"{source.path}:1: __all__ names {name}, which is not there" for name in exported if name not in bound]
    twice = sorted({name for name in exported if exported.count(name) > 1})
    return unknown + [f"{source.path}:1: __all__ names {name} twice" for name in twice]


def _public_definitions(tree: ast.Module) -> Iterator[Documented]:
    for node in tree.body:
        if not isinstance(node, Documented.__value__) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from (
                member
                for member in node.body
                if isinstance(member, Documented.__value__) and not member.name.startswith("_")
            )


def _words(text: str) -> set[str]:
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    words = re.findall(r"[a-z0-9]+", separated.lower())
    return {word.removesuffix("s") for word in words} - FILLERS


def _decorator_names(node: Documented) -> set[str]:
    calls = (item.func if isinstance(item, ast.Call) else item for item in node.decorator_list)
    return {ast.unparse(call) for call in calls}


def _is_overload(node: Documented) -> bool:
    return bool(_decorator_names(node) & {"overload", "typing.overload"})


def _is_registered(node: Documented) -> bool:
    plain = {"asynccontextmanager", "cache", "contextmanager", "dataclass", "final", "overload", "runtime_checkable"}
    return any(name.rpartition(".")[2] not in plain for name in _decorator_names(node))


def _exported_names(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as names):
                return [str(ast.literal_eval(name)) for name in names.elts]
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List() | ast.Tuple() as names):
                return [str(ast.literal_eval(name)) for name in names.elts]
            case _:
                continue
    return None


def _top_level_names(tree: ast.Module, *, with_imports: bool) -> set[str]:
    imported = set() if with_imports else _imported_names(tree)
    return {name for name in _bound_names(tree) - imported if not name.startswith("_")}


def _imported_names(tree: ast.Module) -> set[str]:
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound_names(tree: ast.Module) -> set[str]:
    names = _imported_names(tree)
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.TypeAlias(name=ast.Name(id=name)):
                names.add(name)
            case _:
                continue
    return names
