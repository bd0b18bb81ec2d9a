"""The reasoned exceptions to the rules of shape, each with its reason. One that is no longer needed fails its test."""

__all__ = ["LONG_FILES", "LONG_FUNCTIONS", "LOOSE_CLASSES"]

# Path from the root of the project → why the file may be longer.
LONG_FILES: dict[str, str] = {}

# `path::function` → why the function may be longer.
LONG_FUNCTIONS: dict[str, str] = {}

# `path::class`, or a folder with its slash → why a class there need not be a frozen record, enum, Protocol, exception,
# model or table.
LOOSE_CLASSES: dict[str, str] = {
    "client/": "its users expect an object with methods, which remembers what it wrote and holds its connections",
    "tests/domain/world.py::World": "the state of a state machine: it changes with every step that is tried",
}
