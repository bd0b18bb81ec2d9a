"""Each rule finds what it is there to find, and lets pass what it should: a check that cannot fail checks nothing."""

from collections.abc import Callable

import pytest

from tests.architecture.assertion_rules import find_asserts_that_cannot_fail, find_sleeps
from tests.architecture.documentation_rules import (
    find_broken_exports,
    find_empty_words,
    find_missing_docstrings,
    find_missing_exports,
)
from tests.architecture.purity_rules import find_impure_code, find_impure_imports, is_pure
from tests.architecture.shape_rules import (
    find_loose_classes,
    find_module_state,
    find_old_optionals,
    find_short_test_names,
    find_unreasoned_opt_outs,
    measure_bodies,
)
from tests.architecture.sources import Source, parse_source

type Rule = Callable[[Source], list[str]]

BROKEN = [
    (find_missing_docstrings, "x = 1"),
    (find_missing_docstrings, '"""Says."""\ndef lease_task(): ...'),
    (find_missing_docstrings, '"""Says."""\nclass Task(Record):\n    """Holds."""\n    def due(self): ...'),
    (find_empty_words, 'def lease_task():\n    """Leases the task."""'),
    (find_empty_words, 'class TaskSubmitted(Event):\n    """A task submitted."""'),
    (find_missing_exports, "def lease_task(): ..."),
    (find_missing_exports, '__all__ = ["lease_task"]\ndef lease_task(): ...\ndef forgotten(): ...'),
    (find_missing_exports, "LIMIT = 3"),
    (find_broken_exports, '__all__ = ["absent"]'),
    (find_broken_exports, 'LIMIT = 3\n__all__ = ["LIMIT", "LIMIT"]'),
    (find_old_optionals, "from typing import Optional\nx: Optional[int] = None"),
    (find_old_optionals, "import typing\nx: typing.Union[int, None] = None"),
    (find_loose_classes, "class TaskManager:\n    pass"),
    (find_loose_classes, "@dataclass(slots=True)\nclass Task:\n    revision: int"),
    (find_module_state, "handlers = {}"),
    (find_module_state, "seen: list[str] = []"),
    (find_module_state, "application = FastAPI(title='x')"),
    (find_module_state, "connection = redis.asyncio.Redis(host='x')"),
    (find_unreasoned_opt_outs, "x = run()  # noqa" + ": S603"),
    (find_unreasoned_opt_outs, "x = run()  # type" + ": ignore[arg-type]"),
    (find_unreasoned_opt_outs, "x = run()  # pragma" + ": no cover"),
    (find_short_test_names, "def test_lease(): ..."),
    (find_sleeps, "async def test_x():\n    await asyncio.sleep(1)"),
    (find_sleeps, "def test_x():\n    time.sleep(0.1)"),
    (find_sleeps, "async def test_x():\n    for _ in range(9):\n        await asyncio.sleep(0.1)"),
    (find_sleeps, "async def test_x():\n    while True:\n        await let_pass(0.1)"),
    (find_asserts_that_cannot_fail, "assert (counted < reports, found) if missing else not found"),
    (find_asserts_that_cannot_fail, "assert counted == reports or [found]"),
    (find_asserts_that_cannot_fail, "assert (found == [] for found in reports)"),
    (find_impure_imports, "import time"),
    (find_impure_imports, "from infrastructure.clock import read_clock"),
    (find_impure_imports, "def decide():\n    import os.path"),
    (find_impure_code, "async def decide(): ..."),
    (find_impure_code, "print('decided')"),
    (find_impure_code, "def decide():\n    global state"),
]

KEPT = [
    (find_missing_docstrings, '"""Says."""\ndef _helper(): ...'),
    (find_empty_words, 'def lease_task():\n    """Give the oldest ready task to a worker for `lease_seconds`."""'),
    (find_missing_exports, '__all__ = ["router"]\nrouter = make()\n@router.get("/x")\nasync def read_x(): ...'),
    (find_missing_exports, "import os\n_LIMIT = 3"),
    (find_broken_exports, '__all__ = ["Task", "LIMIT"]\nfrom domain.task import Task\nLIMIT: int = 3'),
    (find_loose_classes, "class TaskState(StrEnum):\n    WORKING = 'working'"),
    (find_loose_classes, "@dataclass(frozen=True, slots=True)\nclass Task:\n    revision: int"),
    (find_module_state, "__all__: list[str] = []"),
    (find_module_state, "NAMES = {'a': 1}\nrouter = APIRouter()"),
    (find_unreasoned_opt_outs, "x = run()  # noqa" + ": S603 - the arguments are fixed"),
    (find_unreasoned_opt_outs, "x = run()  # type" + ": ignore[arg-type]  # the stub lacks bytes"),
    (find_short_test_names, "def test_a_stale_lease_is_refused(): ..."),
    (find_sleeps, "async def wait():\n    while not done():\n        await asyncio.sleep(0.01)"),
    (find_sleeps, "async def test_x():\n    await asyncio.sleep(0)"),
    (find_asserts_that_cannot_fail, "assert (counted, found) == ((5, []) if missing else (3, [1]))"),
    (find_impure_imports, "from collections.abc import Mapping\nfrom contracts.events import Event"),
]


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_a_violation_is_found(rule: Rule, text: str) -> None:
    assert rule(parse_source("domain/example.py", text)) != []


@pytest.mark.parametrize(("rule", "text"), KEPT)
def test_code_that_keeps_the_rule_passes(rule: Rule, text: str) -> None:
    assert rule(parse_source("domain/example.py", text)) == []


def test_a_package_that_imports_names_must_export_them() -> None:
    text = '"""Says."""\nfrom domain.task.decide import decide'

    assert find_missing_exports(parse_source("domain/task/__init__.py", text)) != []


def test_the_length_of_a_body_leaves_out_its_docstring() -> None:
    text = 'def long():\n    """Says.\n\n    More.\n    """\n    first = 1\n\n    return first\n'

    assert measure_bodies(parse_source("domain/example.py", text)) == {"domain/example.py::long": 3}


@pytest.mark.parametrize(
    "path", ["contracts/events/task.py", "domain/task/decide.py", "projectors/projections/task.py"]
)
def test_files_of_pure_folders_count_as_pure(path: str) -> None:
    assert is_pure(parse_source(path, ""))
