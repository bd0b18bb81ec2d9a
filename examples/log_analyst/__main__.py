"""Run the log analyst: `python -m examples.log_analyst --url http://127.0.0.1:8000`."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from client import (
    AgentCard,
    AgentNameTakenError,
    AgentSkill,
    BureauClient,
    BureauError,
    Worker,
)
from examples.log_analyst.analyse import analyse_log
from examples.log_analyst.chart import draw_chart
from examples.log_analyst.handler import analyse_task
from examples.log_analyst.lines import read_lines
from examples.log_analyst.report import write_report

_CARD = AgentCard(
    description="Reads a log and says what is going on: a JSON summary, a Markdown report and an SVG chart.",
    version="1",
    default_input_modes=("text/plain", "application/octet-stream"),
    default_output_modes=("application/json", "text/markdown", "image/svg+xml"),
    skills=(
        AgentSkill(
            id="analyse-log",
            name="Analyse a log",
            description="Web-server access logs, JSON lines, and plain lines with levels or times.",
            tags=("logs", "operations"),
            examples=("Send an access log as a file part.",),
        ),
    ),
)

_EXAMPLES = """\
examples:
  python -m examples.log_analyst                              work for the agent log-analyst until Ctrl-C
  python -m examples.log_analyst --agent logs --concurrency 4
  python -m examples.log_analyst --file access.log            no service: print the report of a file
  python -m examples.log_analyst --file access.log --output . and write report.md, chart.svg and summary.json

environment:
  BUREAU_URL, BUREAU_QUERY_URL, BUREAU_API_KEY                stand in for --url, --query-url and --api-key

exit codes: 0 stopped or done, 1 the service refused or can't be reached, 2 wrong usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _read_options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        if options.file is not None:
            return _analyse_file(options.file, options.output)
        asyncio.run(_work(options))
    except (BureauError, OSError, ValueError) as error:
        print(f"log-analyst: {error}", file=sys.stderr)
        return 1
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.log_analyst",
        description="A worker that analyses logs: counts, errors, slow paths, a report and a chart.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    environment = os.environ
    parser.add_argument("--url", default=environment.get("BUREAU_URL", "http://127.0.0.1:8000"), help="the service")
    parser.add_argument(
        "--query-url", default=environment.get("BUREAU_QUERY_URL"), help="where queries go, if elsewhere"
    )
    parser.add_argument("--api-key", default=environment.get("BUREAU_API_KEY"), help="better given in the environment")
    parser.add_argument("--agent", default="log-analyst", help="the agent's name; registered if it does not exist")
    parser.add_argument("--concurrency", type=int, default=2, help="tasks at once (default: %(default)s)")
    parser.add_argument("--file", type=Path, help="analyse this file here, without a service")
    parser.add_argument("--output", type=Path, help="with --file: write the three results into this folder")
    options = parser.parse_args(arguments)
    if options.file is None and not options.api_key:
        parser.error("no API key: set BUREAU_API_KEY or give --api-key")
    return options


async def _work(options: argparse.Namespace) -> None:
    async with BureauClient(options.url, options.api_key, options.query_url) as client:
        try:
            await client.register_agent(options.agent, card=_CARD)
        except AgentNameTakenError:
            logging.getLogger(__name__).info("The agent %s is registered already", options.agent)
        worker = Worker(client, [options.agent], concurrency=options.concurrency)
        worker.handler(analyse_task)
        logging.getLogger(__name__).info("%s works for %s at %s", worker.name, options.agent, options.url)
        await worker.run()


def _analyse_file(path: Path, output: Path | None) -> int:
    with path.open("rb") as stream:
        summary = analyse_log(read_lines(stream))
    report = write_report(summary, path.name)
    if output is not None:
        (output / "report.md").write_text(report)
        (output / "chart.svg").write_text(draw_chart(summary, path.name))
        (output / "summary.json").write_text(summary.model_dump_json(indent=2))
    print(report, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
