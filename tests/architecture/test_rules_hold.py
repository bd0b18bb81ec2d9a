"""The code base keeps its own rules: every violation is listed with file and line."""

from collections.abc import Callable
from functools import cache

import pytest

from tests.architecture.assertion_rules import find_asserts_that_cannot_fail, find_sleeps
from tests.architecture.documentation_rules import (
    find_broken_exports,
    find_empty_words,
    find_missing_docstrings,
    find_missing_exports,
)
from tests.architecture.exceptions import LONG_FILES, LONG_FUNCTIONS, LOOSE_CLASSES, SLEEPS
from tests.architecture.purity_rules import find_impure_code, find_impure_imports, is_pure
from tests.architecture.shape_rules import (
    LONGEST_BODY,
    LONGEST_FILE,
    find_loose_classes,
    find_module_state,
    find_old_optionals,
    find_short_test_names,
    find_unreasoned_opt_outs,
    measure_bodies,
)
from tests.architecture.sources import Source, read_product, read_tests

type Rule = Callable[[Source], list[str]]


@cache
def product() -> tuple[Source, ...]:
    return tuple(read_product())


@cache
def own_tests() -> tuple[Source, ...]:
    return tuple(read_tests())


def refuse_violations(rule: Rule, sources: tuple[Source, ...]) -> None:
    found = [violation for source in sources for violation in rule(source)]
    assert not found, "\n".join(["", *found])


def compare_with_reasons(found: list[str], reasons: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return what was found without a reason, and the reasons for which nothing was found."""
    unneeded = [reasoned for reasoned in reasons if not any(name.startswith(reasoned) for name in found)]
    return [name for name in found if not name.startswith(tuple(reasons))], unneeded


@pytest.mark.parametrize(
    "rule",
    [
        find_broken_exports,
        find_empty_words,
        find_missing_docstrings,
        find_missing_exports,
        find_module_state,
        find_old_optionals,
        find_unreasoned_opt_outs,
    ],
)
def test_the_product_keeps_the_rule(rule: Rule) -> None:
    refuse_violations(rule, product())


@pytest.mark.parametrize(
    "rule",
    [
        find_asserts_that_cannot_fail,
        find_broken_exports,
        find_old_optionals,
        find_short_test_names,
        find_unreasoned_opt_outs,
    ],
)
def test_the_tests_keep_the_rule(rule: Rule) -> None:
    refuse_violations(rule, own_tests())


@pytest.mark.parametrize("rule", [find_impure_code, find_impure_imports])
def test_contracts_domain_and_projections_stay_pure(rule: Rule) -> None:
    refuse_violations(rule, tuple(source for source in product() if is_pure(source)))


def test_every_module_has_a_docstring_in_tests_too() -> None:
    missing = [violation for source in own_tests() for violation in find_missing_docstrings(source)]

    assert [violation for violation in missing if "the module" in violation] == []


def test_no_file_is_longer_than_the_limit_without_a_reason() -> None:
    lengths = {source.path: source.text.count("\n") for source in (*product(), *own_tests())}
    long = {path for path, length in lengths.items() if length > LONGEST_FILE}

    assert sorted(long) == sorted(LONG_FILES)


def test_no_function_is_longer_than_the_limit_without_a_reason() -> None:
    lengths = {name: length for source in (*product(), *own_tests()) for name, length in measure_bodies(source).items()}
    long = {name for name, length in lengths.items() if length > LONGEST_BODY and "/versions/" not in name}

    assert sorted(long) == sorted(LONG_FUNCTIONS)


def test_a_class_is_a_record_or_another_kept_kind_or_has_a_reason() -> None:
    loose = [name for source in (*product(), *own_tests()) for name in find_loose_classes(source)]

    assert compare_with_reasons(loose, LOOSE_CLASSES) == ([], [])


def test_a_test_waits_for_a_condition_or_has_a_reason() -> None:
    sleeps = [name for source in own_tests() for name in find_sleeps(source)]

    assert compare_with_reasons(sleeps, SLEEPS) == ([], [])
