"""Every page: its links lead somewhere, what it names exists, and its figures are the code's."""

import re
from pathlib import Path

import pytest

from bureau.errors import ExitCode
from bureau.verification.differences import Kind
from infrastructure.settings import Settings
from tests.faults.points import POINTS

_ROOT = Path(__file__).parents[2]
_PAGES = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_README = (_ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]+)?\)", text):
        other = (page.parent / target) if target else page
        assert other.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", other.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor[1:] in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = {each.name for each in _ROOT.iterdir() if each.is_dir() and not each.name.startswith(".")}
    for name in re.findall(r"`([a-z_]+/[a-z0-9_./-]*)`", page.read_text(encoding="utf-8")):
        if name.partition("/")[0] in folders and "NAME" not in name:
            assert (_ROOT / name).exists(), name


def test_the_readme_lists_every_target_of_make() -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"^\| `make ([a-z-]+)`", _README, flags=re.MULTILINE)) == targets - {"help"}


def test_the_readme_gives_the_settings_their_defaults() -> None:
    fields = {str(field.alias): field.default for field in Settings.model_fields.values()}
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", _README, flags=re.MULTILINE))
    assert len(rows) >= 8
    for name, shown in rows.items():
        default = fields[name].get_secret_value() if hasattr(fields[name], "get_secret_value") else str(fields[name])
        assert shown == (f"`{default}`" if default else "none"), name


def test_the_readme_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+)(?:, \d+)? \|", _README, flags=re.MULTILINE)}
    assert listed == {*map(int, ExitCode), 130}


def test_the_proof_names_every_kind_of_difference_and_a_test_makes_each() -> None:
    page = (_ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z]+\.[a-z_]+`(?:, `[a-z]+\.[a-z_]+`)*) \|", page, flags=re.MULTILINE)
    named = [kind for row in rows for kind in re.findall(r"`([a-z._]+)`", row)]
    assert sorted(named) == sorted(kind.value for kind in Kind)
    tests = (_ROOT / "tests" / "verification" / "test_damage.py").read_text(encoding="utf-8")
    assert {kind for kind in named if f'"{kind}"' not in tests} == set()


def test_the_proof_says_how_many_fault_points_there_are() -> None:
    page = (_ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    assert f"There are {sum(map(len, POINTS.values()))} (" in page


def test_decisions_are_numbered_without_gaps_and_say_their_own_number() -> None:
    pages = sorted((_ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [page.read_text(encoding="utf-8")[:7] for page in pages] == [f"# {page.name[:4]}:" for page in pages]
