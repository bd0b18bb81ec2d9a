"""An agent that reads a log and says what is going on: a JSON summary, a Markdown report and an SVG chart."""

from examples.log_analyst.analyse import analyse_log
from examples.log_analyst.chart import draw_chart
from examples.log_analyst.handler import analyse_task
from examples.log_analyst.report import write_report
from examples.log_analyst.summary import Summary

__all__ = ["Summary", "analyse_log", "analyse_task", "draw_chart", "write_report"]
