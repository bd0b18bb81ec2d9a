"""docs/contract: made from the contracts, true of every event, and guarded against changes that would hurt readers."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from contracts.events import EVENT_TYPES
from contracts.schemas import schema_name
from tests.documentation.contract_changes import find_changes
from tests.documentation.contract_files import FOLDER, compare_files, main, make_files, read_files
from tests.documentation.event_reference import EXAMPLES, envelope_of

_SUBMITTED = "events/task.submitted.v1.schema.json"


def test_the_files_are_the_contracts() -> None:
    assert main(["--check"]) == 0, "docs/contract is out of date: make contract"


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: str(event.type))
def test_every_event_conforms_to_the_message_that_the_document_describes(event: Any) -> None:  # noqa: ANN401 - any event
    files = make_files()
    resources = [
        (f"./{name}", Resource.from_contents(document)) for name, document in files.items() if "events" in name
    ]
    envelope = ("./envelope.schema.json", Resource.from_contents(files["envelope.schema.json"]))
    registry: Registry[Any] = Registry().with_resources([*resources, envelope])
    schema = files["asyncapi.json"]["components"]["messages"][event.type]["payload"]["schema"]
    # Without its own identifier each file is known by its path, as the document refers to it.
    validator = Draft202012Validator(schema, registry=registry)
    payload = json.loads(envelope_of(event).model_dump_json())
    validator.validate(payload)
    assert not validator.is_valid({**payload, "type": "task.unheard_of"})
    assert not validator.is_valid({**payload, "data": None})


def test_a_reader_may_meet_fields_that_it_does_not_know() -> None:
    assert "additionalProperties" not in make_files()[_SUBMITTED]
    assert "additionalProperties" not in make_files()[_SUBMITTED]["$defs"]["Part"]


def test_every_schema_is_one_of_its_dialect() -> None:
    for name, document in make_files().items():
        if name != "asyncapi.json":
            Draft202012Validator.check_schema(document)


def test_every_reference_of_the_document_leads_to_a_file_or_a_place_in_it() -> None:
    document = make_files()["asyncapi.json"]
    for reference in set(_references(document)):
        if reference.startswith("./"):
            assert (FOLDER / reference).exists(), reference
        else:
            place: Any = document
            for key in reference.removeprefix("#/").split("/"):
                place = place[key]
            assert place
    assert set(document["components"]["messages"]) == set(EVENT_TYPES)


def _references(node: Any) -> list[str]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    return [each for value in node for each in _references(value)] if isinstance(node, list) else []


def _in_data(change: Callable[[dict[str, Any]], object]) -> tuple[dict[str, Any], dict[str, Any]]:
    old = make_files()[_SUBMITTED]
    new = copy.deepcopy(old)
    change(new)
    return old, new


def _rename(new: dict[str, Any]) -> None:
    new["properties"]["weight"] = new["properties"].pop("priority")


_INCOMPATIBLE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field is gone": lambda new: new["properties"].pop("deadline"),
    "a field has another name": _rename,
    "a field has another type": lambda new: new["properties"]["priority"].update(type="string"),
    "a field has another format": lambda new: new["properties"]["task_id"].pop("format"),
    "a field may be null": lambda new: new["properties"].update(
        priority={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "a nullable field is never null": lambda new: new["properties"].update(
        deadline={"type": "string", "format": "date-time"}
    ),
    "a new field is required": lambda new: (
        new["properties"].update(tenant={"type": "string"}),
        new["required"].append("tenant"),
    ),
    "an optional field is required": lambda new: new["required"].append("attempt_seconds"),
    "a required field may be missing": lambda new: new["required"].remove("priority"),
    "a value of an enumeration is gone": lambda new: new["$defs"]["Role"]["enum"].remove("agent"),
    "a nested field is gone": lambda new: new["$defs"]["Part"]["properties"].pop("raw"),
    "an item has another type": lambda new: new["properties"]["reference_task_ids"].update(items={"type": "integer"}),
    "a list became a value": lambda new: new["properties"].update(reference_task_ids={"type": "string"}),
    "a bound is tighter": lambda new: new["$defs"]["Identifier"].update(maxLength=64),
    "a bound is new": lambda new: new["properties"]["priority"].update(maximum=9),
    "a pattern is another": lambda new: new["$defs"]["Identifier"].update(pattern="^[a-z]+$"),
    "a default is another": lambda new: new["$defs"]["RetryPolicy"]["properties"]["factor"].update(default=3.0),
    "free values are bound to a type": lambda new: new["$defs"].update(JsonValue={"type": "string"}),
    "a keyword that is not understood": lambda new: new["properties"]["priority"].update(multipleOf=2),
}

_COMPATIBLE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field is new and optional": lambda new: new["properties"].update(tenant={"type": "string"}),
    "a value of an enumeration is new": lambda new: new["$defs"]["Role"]["enum"].append("system"),
    "a bound is looser": lambda new: new["$defs"]["Identifier"].update(maxLength=256),
    "a bound is gone": lambda new: new["$defs"]["Identifier"].pop("minLength"),
    "a pattern is gone": lambda new: new["$defs"]["Identifier"].pop("pattern"),
}


@pytest.mark.parametrize("change", _INCOMPATIBLE.values(), ids=_INCOMPATIBLE.keys())
def test_what_would_hurt_a_reader_or_the_log_is_incompatible(change: Callable[[dict[str, Any]], object]) -> None:
    old, new = _in_data(change)
    assert any(not each.is_compatible for each in find_changes(old, new, "data"))


@pytest.mark.parametrize("change", _COMPATIBLE.values(), ids=_COMPATIBLE.keys())
def test_what_hurts_nobody_is_told_and_compatible(change: Callable[[dict[str, Any]], object]) -> None:
    found = find_changes(*_in_data(change), "data")
    assert found
    assert all(each.is_compatible for each in found)


def test_words_and_names_of_definitions_change_nothing() -> None:
    old, new = _in_data(lambda new: new.update(description="Other words.", title="Another"))
    new["$defs"]["Speaker"] = new["$defs"].pop("Role")
    renamed = json.loads(json.dumps(new).replace("#/$defs/Role", "#/$defs/Speaker"))
    assert find_changes(old, renamed, "data") == []


def test_a_definition_that_refers_to_itself_is_compared_once() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    schema = {"$defs": {"Tree": tree}, "$ref": "#/$defs/Tree"}
    assert find_changes(schema, copy.deepcopy(schema), "data") == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the filed contract that a test may change."""
    return Path(shutil.copytree(FOLDER, tmp_path / "contract"))


def _change(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """File what the contract was before a change back: the change is what the code has now."""
    document = json.loads((folder / _SUBMITTED).read_text(encoding="utf-8"))
    change(document)
    (folder / _SUBMITTED).write_text(json.dumps(document), encoding="utf-8")


def test_an_incompatible_change_fails_the_check_and_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _change(folder, lambda was: was["properties"].update(colour={"type": "string"}))
    before = read_files(folder)
    assert main(["--check"], folder) == 1
    assert main([], folder) == 1
    assert read_files(folder) == before
    assert "INCOMPATIBLE  task.submitted.v1.colour: is gone" in capsys.readouterr().err


def test_a_compatible_change_fails_the_check_until_it_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _change(folder, lambda was: was["properties"].pop("deadline"))
    assert main(["--check"], folder) == 1
    assert "compatible  task.submitted.v1.deadline: is new" in capsys.readouterr().err
    assert main([], folder) == 0
    assert main(["--check"], folder) == 0


def test_an_event_that_is_gone_is_incompatible_and_a_new_one_is_not() -> None:
    made = make_files()
    unheard_of = {**made, "events/task.forgotten.v1.schema.json": {}}
    assert [str(each) for each in compare_files(unheard_of, made).incompatible] == [
        "events/task.forgotten.v1.schema.json: the event or its version is gone"
    ]
    known = {name: document for name, document in made.items() if name != _SUBMITTED}
    assert [each.is_compatible for each in compare_files(known, made).changes] == [True]


def test_a_raised_version_keeps_the_schema_of_the_version_before(monkeypatch: pytest.MonkeyPatch) -> None:
    filed = make_files()
    event_type = EVENT_TYPES["task.submitted"]
    monkeypatch.setattr(event_type, "schema_version", 2)
    monkeypatch.setattr("contracts.upcasters.UPCASTERS", {("task.submitted", 1): lambda data: data})
    made = make_files()
    assert schema_name(event_type) == "task.submitted.v2"
    assert compare_files(filed, made).incompatible == []
    forgotten = {name: document for name, document in filed.items() if name != _SUBMITTED}
    assert compare_files(forgotten, made).incompatible


def test_a_raised_version_without_an_upcaster_is_refused(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log holds events of the version before, and each rebuild reads them."""
    monkeypatch.setattr(EVENT_TYPES["task.submitted"], "schema_version", 2)
    before = read_files(folder)
    assert (main(["--check"], folder), main([], folder)) == (1, 1)
    assert "INCOMPATIBLE  task.submitted.v1: no upcaster leads to version 2" in capsys.readouterr().err
    assert read_files(folder) == before
