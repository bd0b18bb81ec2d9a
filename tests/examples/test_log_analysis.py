"""From lines to a summary, a report and a chart."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.log_analyst.analyse import analyse_log, find_percentile
from examples.log_analyst.buckets import MOST_BUCKETS
from examples.log_analyst.chart import draw_chart
from examples.log_analyst.report import write_report
from examples.log_analyst.tally import MOST_KINDS, Samples, add_sample

START = datetime(2026, 11, 22, tzinfo=UTC)


def access_line(seconds: float, status: int = 200, path: str = "/", took: float = 0.1) -> str:
    at = START + timedelta(seconds=seconds)
    return f'h - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET {path} HTTP/1.1" {status} 10 "-" "-" {took:.3f}'


def test_an_empty_log_gives_results_that_say_so() -> None:
    summary = analyse_log([])
    assert (summary.lines, summary.parsed, summary.buckets) == (0, 0, ())
    assert "The log is empty" in write_report(summary)
    assert "nothing to show" in draw_chart(summary)


def test_a_log_of_noise_counts_it_and_shows_samples() -> None:
    summary = analyse_log(["what", "is", "this", "", "x" * 1000])
    assert (summary.parsed, summary.unparsable.count, summary.blank) == (0, 4, 1)
    assert [len(sample) for sample in summary.unparsable.samples] == [4, 2, 4]
    assert "None of the 5 lines" in write_report(summary)


def test_an_access_log_is_counted_by_status_minute_and_path() -> None:
    lines = [access_line(second, took=second / 1000) for second in range(100)]
    lines += [access_line(65, 503, f"/orders/{number}") for number in range(5)] + ["garbage"]
    summary = analyse_log(lines)
    assert summary.statuses == {"200": 100, "503": 5}
    assert (summary.errors, summary.unparsable.count, summary.lines) == (5, 1, 106)
    assert (summary.first_at, summary.last_at) == (START, START + timedelta(seconds=99))
    assert [(minute.count, minute.errors) for minute in summary.busiest_minutes] == [(60, 0), (45, 5)]
    assert [(error.text, error.count) for error in summary.top_errors] == [("503 GET /orders/{id}", 5)]
    assert summary.top_errors[0].example == "GET /orders/0 HTTP/1.1"
    slowest = {path.path: path for path in summary.slowest_paths}
    assert (slowest["GET /"].p50_ms, slowest["GET /"].p95_ms, slowest["GET /"].max_ms) == (49, 94, 99)


def test_a_stack_trace_belongs_to_the_error_before_it() -> None:
    summary = analyse_log(
        [
            "2026-11-22 01:00:00 ERROR request 17 failed",
            "Traceback (most recent call last):",
            '  File "a.py", line 1',
            "ValueError: no",
            "2026-11-22 01:00:01 ERROR request 18 failed",
        ]
    )
    assert (summary.parsed, summary.continuation, summary.unparsable.count) == (2, 3, 0)
    assert [(error.text, error.count) for error in summary.top_errors] == [("request <n> failed", 2)]
    assert summary.is_zone_assumed


def test_lines_are_accounted_for_exactly() -> None:
    summary = analyse_log([access_line(0), "", "noise", " indented", access_line(1)])
    parts = (summary.parsed, summary.blank, summary.continuation, summary.unparsable.count)
    assert parts == (2, 1, 1, 1)
    assert sum(parts) == summary.lines


def test_a_log_that_jumps_back_in_time_keeps_its_span() -> None:
    summary = analyse_log([access_line(500), access_line(0), access_line(100)])
    assert (summary.span_seconds, summary.first_at) == (500, START)


@pytest.mark.parametrize("span", [0, 1, 59, 61, 899, 3_600, 86_400, 40 * 86_400, 3_000 * 86_400])
def test_bars_cover_the_whole_span_and_count_every_line(span: int) -> None:
    seconds = sorted({0, span // 3, span // 2, span})
    buckets = analyse_log([access_line(second) for second in seconds]).buckets
    assert 1 <= len(buckets) <= MOST_BUCKETS + 1
    assert sum(sum(bucket.counts.values()) for bucket in buckets) == len(seconds)
    assert buckets[0].start <= START < buckets[0].start + timedelta(seconds=buckets[0].seconds)


def test_a_dense_log_of_hours_is_charted_by_minutes_without_losing_lines() -> None:
    summary = analyse_log(access_line(second) for second in range(4_000))
    assert sum(sum(bucket.counts.values()) for bucket in summary.buckets) == 4_000
    assert summary.buckets[0].seconds % 60 == 0


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_a_value_with_enough_values_below_it(values: list[float], fraction: float) -> None:
    ordered = sorted(values)
    percentile = find_percentile(ordered, fraction)
    assert percentile in ordered
    assert sum(value <= percentile for value in ordered) >= fraction * len(ordered)


def test_memory_for_durations_and_kinds_of_paths_is_bounded() -> None:
    samples = Samples()
    for number in range(100_000):
        samples = add_sample(samples, number)
    assert (samples.count, samples.largest) == (100_000, 99_999)
    assert len(samples.values) < 10_000
    assert abs(find_percentile(sorted(samples.values), 0.5) - 50_000) < 500
    letters = ("".join(chr(97 + int(digit)) for digit in str(number)) for number in range(MOST_KINDS + 50))
    summary = analyse_log(access_line(0, path=f"/{letter}") for letter in letters)
    assert summary.top_paths["(other)"] == 50


def test_the_report_survives_whatever_stands_in_the_log() -> None:
    hostile = '2026-11-22 01:00:00 ERROR `code` | pipe <script>alert("&")</script> \x1b[31m'
    summary = analyse_log([hostile])
    row = next(line for line in write_report(summary, "a|b`c").splitlines() if line.startswith("| `"))
    assert row.count("|") == 5
    assert row.count("`") == 2
    assert "\x1b" not in row


@given(st.text(max_size=80))
def test_the_chart_is_well_formed_whatever_its_title(title: str) -> None:
    summary = analyse_log([access_line(0), access_line(90, 500)])
    root = ET.fromstring(draw_chart(summary, title))  # noqa: S314 - made here
    bars = [element for element in root.iter() if (element.get("class") or "").startswith("c-")]
    assert len(bars) == 4  # two bars and two in the legend


def test_the_chart_stacks_levels_and_names_its_axes() -> None:
    lines = [f"2026-11-22 01:00:0{number}Z {level} x" for number, level in enumerate(["INFO", "ERROR", "WARNING"])]
    chart = draw_chart(analyse_log(lines), "service.log")
    assert "lines per second" in chart
    assert "time (UTC), 1 second a bar" in chart
    assert chart.index("info 1") < chart.index("warning 1") < chart.index("error 1")
