"""docs/errors.md: every error code that the code can answer with stands there once, with its status, and no other."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from command_api.application import ROUTERS
from command_api.application import create_application as create_commands
from command_api.services.handle_command import GUARDED_RULES
from infrastructure.settings import Settings
from infrastructure.web.errors import CODES
from query_api.application import create_application as create_queries

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
_FOLDERS = ("command_api", "domain", "infrastructure", "query_api")
_STATUSES = {"NotFound": 404, "Conflict": 409, "Forbidden": 403, "Invalid": 422, "_too_complex": 422}
"""What raises or returns a refusal, with the code first."""

_COMPUTED = {
    "error.code": "a refusal's own",
    "*GUARDED_RULES[error.constraint]": "see below",
    "f'{kind}_not_found'": "see below",
    "code": "see below",
}
"""Codes that no literal says, and where they come from."""

_INSIDE = {
    ("agent_busy", 409): "a lease is not granted, and its worker given others or none",
    ("agent_exists", 409): "ids are the service's own",
    ("approval_exists", 409): "the same",
    ("not_ready", 409): "as agent_busy",
    ("task_leased", 409): "as agent_busy",
}
"""Codes that no client is told."""


def _calls() -> Iterator[ast.Call]:
    for folder in _FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)


def _refusals() -> Iterator[tuple[ast.expr, int]]:
    """Yield what stands for a code, and the status, wherever an error is made."""
    for call in _calls():
        name = ast.unparse(call.func)
        if name in _STATUSES:
            yield call.args[0], _STATUSES[name]
        elif name == "ApiError":
            status = call.args[0]
            yield call.args[1], status.value if isinstance(status, ast.Constant) else 0  # type: ignore[misc] # a status is a number


def _kinds() -> set[str]:
    """Return what ids in paths are of."""
    paths = [route.path for router in ROUTERS for route in router.routes]  # type: ignore[attr-defined] # all of them have a path
    return {name for path in paths for name in re.findall(r"\{(\w+)_id", path)}


def _in_the_code() -> set[tuple[str, int]]:
    literal = {(str(code.value), status) for code, status in _refusals() if isinstance(code, ast.Constant)}
    computed = {(code, 409) for code, _ in GUARDED_RULES.values()}
    computed |= {(code, status) for status, code in CODES.items()}
    computed |= {(f"{kind}_not_found", 404) for kind in _kinds()}
    return literal | computed


_LISTED = [(code, int(status)) for code, status in re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", _PAGE, re.MULTILINE)]


def _told(words: str) -> set[tuple[str, int]]:
    """Return the errors that a text names: as 409 `lease_lost` or as `503 stale`."""
    named = re.findall(r"\b([45]\d\d) `([a-z_]+)`|`([45]\d\d) ([a-z_]+)`", words)
    return {(code or other_code, int(status or other_status)) for status, code, other_status, other_code in named}


def test_every_code_that_is_no_literal_is_accounted_for() -> None:
    assert {ast.unparse(code) for code, _ in _refusals() if not isinstance(code, ast.Constant)} == set(_COMPUTED)


def test_the_page_lists_every_error_with_its_status_once() -> None:
    assert len(_LISTED) == len(set(_LISTED)) > 60
    assert _INSIDE.keys() < _in_the_code()
    assert set(_LISTED) == _in_the_code() - _INSIDE.keys()


def test_every_error_that_another_page_or_openapi_names_is_on_the_page() -> None:
    settings = Settings(_env_file=None, secret_key=SecretStr("a secret key of the tests, at least 32 characters"))
    pages = [page.read_text(encoding="utf-8") for page in (_ROOT / "docs").glob("*.md")]
    documents = [json.dumps(make(settings).openapi()) for make in (create_commands, create_queries)]
    for words, least in (("\n".join(pages), 20), (documents[0], 12), (documents[1], 4)):
        assert len(_told(words)) >= least
        assert _told(words) <= set(_LISTED)
