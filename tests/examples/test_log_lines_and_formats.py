"""Reading lines, recognising formats, folding messages: the edges first."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.log_analyst.entry import Entry
from examples.log_analyst.lines import LONGEST_LINE_BYTES, read_lines
from examples.log_analyst.normalise import normalise_message, normalise_path
from examples.log_analyst.parse import LogFormat, detect_format, parse_line

COMBINED = (
    '203.0.113.9 - frank [10/Oct/2026:13:55:36 -0700] "GET /apache_pb.gif?size=1 HTTP/1.0" 200 2326 '
    '"http://example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'
)


def parse(log_format: LogFormat, line: str) -> Entry:
    entry = parse_line(log_format, line)
    assert entry is not None
    return entry


def test_an_empty_file_has_no_lines() -> None:
    assert list(read_lines(io.BytesIO(b""))) == []


def test_every_line_ending_and_a_missing_last_one_are_understood() -> None:
    assert list(read_lines(io.BytesIO(b"a\r\nb\n\nc"))) == ["a", "b", "", "c"]


def test_a_giant_line_is_cut_and_the_next_one_is_whole() -> None:
    lines = list(read_lines(io.BytesIO(b"x" * (5 * LONGEST_LINE_BYTES) + b"\nnext\n")))
    assert [len(line) for line in lines] == [LONGEST_LINE_BYTES, 4]


def test_a_line_of_exactly_the_longest_length_does_not_swallow_the_next() -> None:
    lines = list(read_lines(io.BytesIO(b"x" * LONGEST_LINE_BYTES + b"\nnext\n")))
    assert [len(line) for line in lines] == [LONGEST_LINE_BYTES, 4]


def test_lines_of_mixed_encodings_stay_readable() -> None:
    content = "grün\n".encode() + "grün\n".encode("cp1252") + b"nul\x00\n"
    assert list(read_lines(io.BytesIO(content))) == ["grün", "grün", "nul\ufffd"]


def test_byte_order_marks_are_no_part_of_the_first_line() -> None:
    assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\nb"))) == ["a", "b"]
    assert list(read_lines(io.BytesIO("a\r\nä".encode("utf-16")))) == ["a", "ä"]


@given(st.binary(max_size=2000))
def test_no_bytes_make_reading_fail(content: bytes) -> None:
    for line in read_lines(io.BytesIO(content)):
        assert "\n" not in line
        line.encode()


@given(st.text(max_size=300))
def test_no_text_makes_a_parser_fail(text: str) -> None:
    for log_format in LogFormat:
        parse_line(log_format, text)
        normalise_message(text)
        assert normalise_path(text)


def test_a_combined_access_line_is_understood_with_its_time_zone() -> None:
    entry = parse(LogFormat.ACCESS, COMBINED)
    assert entry.at == datetime(2026, 10, 10, 20, 55, 36, tzinfo=UTC)
    assert (entry.status, entry.method, entry.path) == (200, "GET", "/apache_pb.gif?size=1")
    assert entry.duration_ms is None


@pytest.mark.parametrize(("behind", "milliseconds"), [(" 0.250", 250.0), (" 1250", 1.25), (' rt=0.5 "-"', 500.0)])
def test_a_request_time_behind_an_access_line_is_read(behind: str, milliseconds: float) -> None:
    assert parse(LogFormat.ACCESS, COMBINED + behind).duration_ms == milliseconds


@pytest.mark.parametrize("request_line", ["-", "", r"\x16\x03\x01", r"GET /a\"b HTTP/1.1"])
def test_an_access_line_with_an_odd_request_still_counts(request_line: str) -> None:
    line = f'203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "{request_line}" 400 0'
    assert parse(LogFormat.ACCESS, line).status == 400


@pytest.mark.parametrize("time", ["10/Foo/2026:13:55:36 +0000", "32/Oct/2026:13:55:36 +0000", "yesterday"])
def test_an_access_line_with_an_impossible_time_is_unparsable(time: str) -> None:
    assert parse_line(LogFormat.ACCESS, f'h - - [{time}] "GET / HTTP/1.1" 200 1') is None


def test_a_structlog_line_is_understood() -> None:
    line = (
        '{"event": "request finished", "level": "warning", "timestamp": "2026-11-22T01:02:03.123456Z", '
        '"path": "/tasks/7", "method": "get", "status": 404, "duration_ms": 12.5}'
    )
    entry = parse(LogFormat.JSON_LINES, line)
    assert entry.at == datetime(2026, 11, 22, 1, 2, 3, 123456, tzinfo=UTC)
    assert (entry.level, entry.status, entry.method, entry.path) == ("warning", 404, "GET", "/tasks/7")
    assert (entry.message, entry.duration_ms) == ("request finished", 12.5)


def test_a_pino_line_with_numbers_for_level_and_time_is_understood() -> None:
    entry = parse(LogFormat.JSON_LINES, '{"level":50,"time":1795309323123,"msg":"boom"}')
    assert (entry.level, entry.message) == ("error", "boom")
    assert entry.at == datetime.fromtimestamp(1795309323.123, UTC)


@pytest.mark.parametrize("line", ["{", "[]", "{}", '"text"', "null", '{"a": 1}', "[" * 10_000, '{"level": NaN'])
def test_json_that_says_nothing_is_unparsable(line: str) -> None:
    assert parse_line(LogFormat.JSON_LINES, line) is None


def test_what_json_can_hide_and_the_service_refuses_is_replaced() -> None:
    assert parse(LogFormat.JSON_LINES, r'{"level": "error", "event": "a\u0000b\ud800c"}').message == "a�b�c"


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        ("2026-11-22 01:02:03,456 ERROR [db] timeout", "error", "[db] timeout"),
        ("2026-11-22T01:02:03Z [warn] disk 91% full", "warning", "disk 91% full"),
        ("INFO:     Started server process [1]", "info", "Started server process [1]"),
        ("[2026-11-22 01:02:03 +0100] (main) FATAL: out of memory", "critical", "out of memory"),
    ],
)
def test_plain_lines_with_a_level_are_understood(line: str, level: str, message: str) -> None:
    entry = parse(LogFormat.PLAIN, line)
    assert (entry.level, entry.message) == (level, message)


def test_a_time_without_a_zone_is_marked_as_such() -> None:
    assert not parse(LogFormat.PLAIN, "2026-11-22 01:02:03 INFO x").has_zone
    assert parse(LogFormat.PLAIN, "2026-11-22 01:02:03+01:00 INFO x").at == datetime(2026, 11, 22, 0, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sample", "log_format"),
    [
        ([], LogFormat.PLAIN),
        (["", "nothing"], LogFormat.PLAIN),
        ([COMBINED, "noise"], LogFormat.ACCESS),
        (["starting…", '{"level": "info", "event": "a"}', '{"level": "info", "event": "b"}'], LogFormat.JSON_LINES),
        (["INFO a", "{}", "{}"], LogFormat.PLAIN),
    ],
)
def test_the_format_is_that_of_most_lines(sample: list[str], log_format: LogFormat) -> None:
    assert detect_format(sample) is log_format


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("task 17 took 31ms", "task 4 took 1.5ms"),
        ("user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "user 9f2504e0-4f89-11d3-9a0c-0305e82c33ff gone"),
        ("no route to 10.0.0.1:5432", "no route to 192.168.0.17:6379"),
        ("at 0x7f3a lost ada@example.org", "at 0x11 lost bob@test.example.com"),
        ("worker-12  failed", "worker-7 failed"),
    ],
)
def test_messages_that_differ_in_numbers_and_ids_fold_to_one(one: str, other: str) -> None:
    assert normalise_message(one) == normalise_message(other)


def test_messages_that_differ_in_words_stay_apart() -> None:
    assert normalise_message("disk full") != normalise_message("disk slow")


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/tasks/17?limit=2", "/tasks/{id}"),
        ("https://example.com/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301/b#c", "/a/{id}/b"),
        ("", "/"),
        ("/v1/feedback/decade", "/v1/feedback/decade"),
        ("*", "*"),
    ],
)
def test_paths_fold_their_ids_and_lose_their_query(path: str, folded: str) -> None:
    assert normalise_path(path) == folded
