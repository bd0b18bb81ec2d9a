r"""Patterns: matched in time that is linear in the text, by the engine of pydantic, which never goes back.

A pattern is weighed before it is compiled: the weight is about the number of states that it takes, so compiling takes
time in proportion to it, and matching in proportion to it and to the length of the text. Both are paid in steps.

The dialect is ECMA-262's as far as that engine goes: no look-around and no references to groups, which need going
back; `\d` and `\w` are ASCII.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pydantic_core import SchemaError, SchemaValidator
from pydantic_core.core_schema import str_schema

__all__ = ["HEAVIEST_PATTERN", "Pattern", "PatternError", "read_pattern"]

HEAVIEST_PATTERN = 2_000

_CLASSES: Final = {
    r"\d": ("[0-9]", 6),
    r"\D": ("[^0-9]", 6),
    r"\w": ("[0-9A-Za-z_]", 6),
    r"\W": ("[^0-9A-Za-z_]", 6),
    r"\s": (r"[\s\x{feff}]", 12),
    r"\S": (r"[^\s\x{feff}]", 12),
}
"""What ECMA-262 means by them, and what that weighs."""
_TOKEN: Final = re.compile(
    r"""(?P<escape>\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.))
    | (?P<open>\((?:\?(?:P?<[A-Za-z_]\w*>|:|(?P<other>.)))?)
    | (?P<close>\))
    | (?P<set>\[\^?(?:\\[pP]\{[^}]*\}|\\.|[^\]\\])*\])
    | (?P<repeat>\{(?P<least>[0-9]{1,5})(?P<range>,(?P<most>[0-9]{0,5}))?\}|[*+?])
    | (?P<character>.)""",
    re.VERBOSE | re.DOTALL,
)
_IN_SET: Final = re.compile(r"\\[pP]\{[^}]*\}|\\.|.", re.DOTALL)
_UNICODE_CLASS: Final = 400
_SET: Final = 6


class PatternError(ValueError):
    """What is wrong with a pattern."""


class Pattern(NamedTuple):
    """A pattern to search texts with; a search takes at most `weight` for each character."""

    weight: int
    is_found: Callable[[str], bool]


def read_pattern(text: str) -> Pattern:
    """Return a pattern ready to search with; raises PatternError where it is none, or too heavy."""
    translated, weight = _translated(text) if len(text) <= HEAVIEST_PATTERN else ("", len(text))
    if weight > HEAVIEST_PATTERN:
        message = f"the pattern has a weight of {weight}, more than {HEAVIEST_PATTERN}: repeat less, or fewer classes"
        raise PatternError(message)
    try:
        validator = SchemaValidator(str_schema(pattern=translated, regex_engine="rust-regex"))
    except SchemaError as error:
        message = "the pattern is none, or needs look-around or references to groups, which are not supported"
        raise PatternError(message) from error
    return Pattern(weight, validator.isinstance_python)


def _translated(text: str) -> tuple[str, int]:
    """Return a pattern in the engine's words, and its weight; groups are weighed from the inside out."""
    words: list[str] = []
    groups: list[list[int]] = [[]]
    for token in _TOKEN.finditer(text):
        if token["other"] is not None:
            message = "look-around and flags are not supported"
            raise PatternError(message)
        if token["open"]:
            groups.append([])
        elif token["close"] and len(groups) > 1:
            inner = groups.pop()
            groups[-1].append(1 + sum(inner))
        elif token["repeat"] and groups[-1]:
            groups[-1][-1] = min(groups[-1][-1] * _times(token), HEAVIEST_PATTERN + 1)
        word, weight = _word(token)
        words.append(word)
        if weight:
            groups[-1].append(weight)
    return "".join(words), sum(map(sum, groups))


def _times(token: re.Match[str]) -> int:
    """Return how many copies of what stands before it a repetition takes."""
    if token["least"] is None:
        return 1
    if token["range"] is None:
        return max(int(token["least"]), 1)
    return max(int(token["most"]), 1) if token["most"] else int(token["least"]) + 1


def _word(token: re.Match[str]) -> tuple[str, int]:
    """Return the engine's word for one of ECMA-262's, and what it weighs."""
    word = token[0]
    if token["set"]:
        inner = [_in_set(part) for part in _parts_of_set(word)]
        return "[" + "".join(part for part, _ in inner) + "]", _SET + sum(weight for _, weight in inner)
    if token["escape"]:
        return (r"(?-u:\b)", 1) if word == r"\b" else _escape(word)
    return word, 4 if word == "." else 0 if token["repeat"] or token["open"] or token["close"] else 1


def _parts_of_set(word: str) -> Iterator[str]:
    """Return what a set in brackets is made of."""
    return (part[0] for part in _IN_SET.finditer(word[1:-1]))


def _in_set(part: str) -> tuple[str, int]:
    """Return the engine's word for a part of a set, where it reads some characters as operators, and its weight."""
    if part in {"[", "&", "~"}:
        return f"\\{part}", 0
    return _escape(part) if part.startswith("\\") else (part, 0)


def _escape(word: str) -> tuple[str, int]:
    """Return the engine's word for what a backslash begins, and its weight."""
    if word in _CLASSES:
        return _CLASSES[word]
    return word, _UNICODE_CLASS if word[1] in "pP" else 1
