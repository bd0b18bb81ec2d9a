"""Headers that wish: `Prefer`, tokens and `If-None-Match`."""

import time

import pytest

from contracts.streams import InvalidTokenError, Token
from query_api.wishes import matches_etag, read_wish


@pytest.mark.parametrize(
    ("prefer", "seconds", "is_strict", "applied"),
    [
        ([], 2.0, False, ""),
        (["wait=5"], 5, False, "wait=5"),
        (['Wait = "5"'], 5, False, "wait=5"),
        (["wait=31"], 30, False, "wait=30"),
        (["wait=99999999999999999999"], 2.0, False, ""),
        (["wait=-1"], 2.0, False, ""),
        (["wait=1.5"], 2.0, False, ""),
        (["wait=٣"], 2.0, False, ""),
        (["wait"], 2.0, False, ""),
        (["wait=1, wait=9"], 1, False, "wait=1"),
        (["respond-async, wait=1", "handling=strict"], 1, True, "wait=1, handling=strict"),
        (["handling=Strict;q=1"], 2.0, True, "handling=strict"),
        (["handling=lenient"], 2.0, False, ""),
        (['foo="wait=9"; bar, wait=3'], 3, False, "wait=3"),
        ([",,; =, wait=3"], 3, False, "wait=3"),
    ],
)
def test_preferences_are_read_as_rfc_7240_says(
    prefer: list[str], seconds: float, is_strict: bool, applied: str
) -> None:
    assert read_wish("1.2:3", prefer) == (Token(1, {2: 3}), seconds, is_strict, applied)


def test_without_a_token_there_is_nothing_to_wait_for() -> None:
    assert read_wish(None, ["wait=5, handling=strict"]) == (None, 2.0, True, "handling=strict")
    assert read_wish(None, ["wait=5"]) == read_wish(None, []) == (None, 2.0, False, "")
    with pytest.raises(InvalidTokenError):
        read_wish("nonsense", [])


@pytest.mark.parametrize(
    ("lines", "is_match"),
    [
        ([], False),
        (['"a"'], True),
        (['W/"a"'], True),
        (['"b", "a"'], True),
        (['"b"', '"a"'], True),
        (["*"], True),
        (["a"], False),
        (['"b"'], False),
        (['"ba"'], False),
    ],
)
def test_if_none_match_is_compared_as_rfc_9110_says(lines: list[str], is_match: bool) -> None:
    assert matches_etag(lines, '"a"') is is_match


@pytest.mark.parametrize("line", ["a," + " " * 60_000 + ";", 'a="' * 20_000, "a" * 60_000 + "\t", ";" * 60_000])
def test_no_header_takes_long_to_read(line: str) -> None:
    began = time.process_time()
    read_wish("1.2:3", [line])
    matches_etag([line], '"a"')

    assert time.process_time() - began < 0.25
