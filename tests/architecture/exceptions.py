"""The reasoned exceptions to the rules of shape, each with its reason. One that is no longer needed fails its test."""

__all__ = ["LONG_FILES", "LONG_FUNCTIONS", "LOOSE_CLASSES"]

# Path from the root of the project → why the file may be longer.
LONG_FILES: dict[str, str] = {
    "tests/client/test_whole_life.py": "one service for all its stories, which are short: starting it takes the time",
}

# `path::function` → why the function may be longer.
LONG_FUNCTIONS: dict[str, str] = {
    "tests/command_api/test_idempotency.py::prepare": "one request of every command: a table that cannot be data",
}

# `path::class`, or a folder with its slash → why a class there need not be a frozen record, enum, Protocol, exception,
# model or table.
LOOSE_CLASSES: dict[str, str] = {
    "client/": "its users expect an object with methods, which remembers what it wrote and holds its connections",
    "command_api/services/lease_dispatcher.py::": "who waits and what was dealt out changes from look to look",
    "command_api/services/one_at_a_time.py::_Turn": "counts the calls that want a key, which come and go",
    "infrastructure/web/gathering.py::_GatheredTransport": "a transport, which holds back what is written",
    "benchmarks/relay_peers/": "what the peers want to inherit from or to be declared by",
    "tests/command_api/test_lease_dispatcher.py::Board": "a database that a test changes while it is looked at",
    "tests/work/processes.py::Crew": "processes that are hired, stopped and killed",
    "tests/domain/world.py::World": "the state of a state machine: it changes with every step that is tried",
}
