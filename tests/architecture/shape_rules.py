"""Rules about size, classes and state. Each takes one source; its violations read `path:line: what`."""

import ast
import re

from tests.architecture.sources import Source

__all__ = [
    "LONGEST_BODY",
    "LONGEST_FILE",
    "find_loose_classes",
    "find_module_state",
    "find_old_optionals",
    "find_short_test_names",
    "find_unreasoned_opt_outs",
    "measure_bodies",
]

LONGEST_FILE = 250
LONGEST_BODY = 40
FEWEST_WORDS_IN_A_TEST_NAME = 4
# What belongs to a running process and therefore arrives as an argument: made by a factory, never on import.
STATEFUL = frozenset(
    {
        "AsyncClient",
        "AsyncEngine",
        "Condition",
        "Event",
        "FastAPI",
        "FastStream",
        "Lock",
        "Queue",
        "Redis",
        "RedisBroker",
        "Semaphore",
        "Settings",
        "async_sessionmaker",
        "create_async_engine",
        "create_pool",
        "from_url",
        "load_settings",
    }
)
OPT_OUT = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no\s*cover)(?P<rest>.*)$")
CODES = re.compile(r"^(?::\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|\[[a-z-]+(?:,\s*[a-z-]+)*\])?\W*")


def measure_bodies(source: Source) -> dict[str, int]:
    """Lines of each function's body, docstring left out, by `path::function`."""
    return {
        f"{source.path}::{node.name}": _body_length(node)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def find_old_optionals(source: Source) -> list[str]:
    """`Optional` or `Union`, which `X | None` replaces."""
    return [
        f"{source.path}:{node.lineno}: write X | None"
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Name) and node.id in {"Optional", "Union"})
        or (isinstance(node, ast.Attribute) and node.attr in {"Optional", "Union"})
    ]


def find_loose_classes(source: Source) -> list[str]:
    """A class that is no frozen record, enum, Protocol, exception, model or table, as `path::class`."""
    return [
        f"{source.path}::{node.name}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and not _is_kept_class(node)
    ]


def find_module_state(source: Source) -> list[str]:
    """State that lives in a module: an empty container to be filled, or something that belongs to a process."""
    return [
        f"{source.path}:{node.lineno}: state made on import; let it arrive as an argument"
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and not _is_exports(node) and _is_state(node.value)
    ]


def find_unreasoned_opt_outs(source: Source) -> list[str]:
    """A comment that silences a tool without saying why, as in `# noqa: S603 - the arguments are fixed`."""
    return [
        f"{source.path}:{number}: say why the rule does not hold here"
        for number, line in enumerate(source.text.splitlines(), start=1)
        if (found := OPT_OUT.search(line)) and not CODES.sub("", found["rest"]).strip()
    ]


def find_short_test_names(source: Source) -> list[str]:
    """A test whose name is too short to be a sentence."""
    return [
        f"{source.path}:{node.lineno}: {node.name} is not a sentence"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name.split("_")) <= FEWEST_WORDS_IN_A_TEST_NAME
    ]


def _body_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def _is_kept_class(node: ast.ClassDef) -> bool:
    records = [item for item in node.decorator_list if "dataclass" in ast.unparse(item)]
    if records:
        return any("frozen=True" in ast.unparse(item) for item in records)
    return bool(node.bases)


def _is_exports(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _is_state(value: ast.expr | None) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="list" | "dict" | "set"), args=[], keywords=[]):
            return True
        case ast.Call():
            return ast.unparse(value.func).rpartition(".")[2] in STATEFUL
        case _:
            return False
