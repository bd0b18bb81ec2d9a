"""The files of docs/contract, made from the contracts: `python -m tests.documentation.contract_files [--check]`.

Without --check it writes them anew, unless something changed that would hurt readers or the events written already:
then it says what, writes nothing and ends with 1. With --check it ends with 1 while files and contracts differ.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from contracts import upcasters
from contracts.asyncapi import asyncapi_document
from contracts.events import EVENT_TYPES
from contracts.schemas import envelope_schema, event_schema, schema_name
from tests.documentation.contract_changes import Change, find_changes

__all__ = ["FOLDER", "Findings", "compare_files", "main", "make_files", "read_files"]

FOLDER: Final = Path(__file__).parents[2] / "docs" / "contract"
_EVENT: Final = re.compile(r"events/(?P<type>[a-z_.]+)\.v(?P<version>[0-9]+)\.schema\.json")
_ASYNCAPI: Final = "asyncapi.json"
_ENVELOPE: Final = "envelope.schema.json"

type Files = Mapping[str, dict[str, Any]]
"""Documents by their path below the folder."""


class Findings(NamedTuple):
    """What stands between files and contracts: the changes, and the files that are not as they would be made."""

    changes: list[Change]
    outdated: list[str]

    @property
    def incompatible(self) -> list[Change]:
        """Those that must not be made."""
        return [change for change in self.changes if not change.is_compatible]


def make_files() -> dict[str, dict[str, Any]]:
    """Return the documents as the contracts have them today; those of older schema versions are not among them."""
    events = {f"events/{schema_name(each)}.schema.json": event_schema(each) for each in EVENT_TYPES.values()}
    return {_ASYNCAPI: asyncapi_document(), _ENVELOPE: envelope_schema(), **events}


def read_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the documents that are filed."""
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def compare_files(filed: Files, made: Files) -> Findings:
    """Return what changed; a schema of an older version stays as it is, for events of it stay in the log."""
    changes = [change for name in sorted({*filed, *made}) for change in _compare(name, filed, made)]
    return Findings(
        [*changes, *_find_missing_upcasters()], [name for name, document in made.items() if filed.get(name) != document]
    )


def _compare(name: str, filed: Files, made: Files) -> list[Change]:
    if name == _ASYNCAPI:
        return []
    if name in filed and name in made:
        return find_changes(filed[name], made[name], name.removeprefix("events/").removesuffix(".schema.json"))
    event = _EVENT.fullmatch(name)
    if event is None:
        return [] if name in made else [Change(name, "is no part of the contract", is_compatible=False)]
    version = int(event["version"])
    if name in made:
        older = [f"events/{event['type']}.v{number}.schema.json" for number in range(1, version)]
        gone = [Change(each, "the schema of an older version is gone", is_compatible=False) for each in older]
        return [each for each in gone if each.path not in filed] or [Change(name, "is new", is_compatible=True)]
    newest = EVENT_TYPES[event["type"]].schema_version if event["type"] in EVENT_TYPES else 0
    return [] if version < newest else [Change(name, "the event or its version is gone", is_compatible=False)]


def _find_missing_upcasters() -> list[Change]:
    """Return the older schema versions of which nobody could read the events that the log holds."""
    older = {(name, version) for name, each in EVENT_TYPES.items() for version in range(1, each.schema_version)}
    return [
        Change(f"{name}.v{version}", f"no upcaster leads to version {version + 1}", is_compatible=False)
        for name, version in sorted(older - upcasters.UPCASTERS.keys())
    ]


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Check or write the folder's files; return the exit code."""
    made = make_files()
    findings = compare_files(read_files(folder), made)
    for change in findings.changes:
        _say(f"{'compatible' if change.is_compatible else 'INCOMPATIBLE'}  {change}")
    if findings.incompatible:
        _say("docs/contract: take this back, or raise the event's schema_version and give it an upcaster")
        return 1
    if "--check" in arguments:
        if findings.outdated:
            _say(f"docs/contract: out of date ({', '.join(findings.outdated)}): make contract")
        return int(bool(findings.outdated))
    for name in findings.outdated:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(made[name], indent=2) + "\n", encoding="utf-8")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
