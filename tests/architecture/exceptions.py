"""The reasoned exceptions to the rules of shape, each with its reason. One that is no longer needed fails its test."""

__all__ = ["LONG_FILES", "LONG_FUNCTIONS", "LOOSE_CLASSES", "SLEEPS"]

# Path from the root of the project → why the file may be longer.
LONG_FILES: dict[str, str] = {}

# `path::function` → why the function may be longer.
LONG_FUNCTIONS: dict[str, str] = {
    "domain/task/decide.py::decide_task": "one case a command, which mypy finds complete: a table that cannot be data",
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
    "tests/command_api/board.py::Board": "a database that a test changes while it is looked at",
    "tests/work/processes.py::Crew": "processes that are hired, stopped and killed",
    "tests/domain/world.py::World": "the state of a state machine: it changes with every step that is tried",
}

# `path::function`, or a folder with its slash → why somebody sleeps there in no loop that asks for a condition.
SLEEPS: dict[str, str] = {
    "tests/polling.py::": "where all the waiting of tests is done, with deadlines",
    "tests/client/test_wrong_clocks.py::": "a worker works for longer than its lease lasts",
    "tests/command_api/test_crowds.py::": "what is asked in a time is counted",
    "tests/epochs/test_failover.py::stays_as_it_is": "that nothing happens can only be seen by waiting",
    "tests/client/test_stopping.py::": "a stop comes at a moment by chance, which has no condition",
    "tests/faults/": "writers rest, and faults last or come at moments by chance, which have no condition",
    "tests/rebuild/test_kills.py::": "a kill comes at a moment by chance, which has no condition",
    "tests/relay/test_follow_log.py::test_a_wake_up_beats_the_idle_poll": "nothing shows how idle a relay has become",
    "tests/relay/test_process.py::": "a kill comes at a moment by chance, which has no condition",
    "tests/work/": "workers take their time, and faults come at moments by chance",
    "tests/write_path/writes.py::carry_out": "who tries again waits for a moment by chance, as clients do",
}
