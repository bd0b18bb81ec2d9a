"""The bars of long commands: how much is done, how much a second, and how long it still takes."""

import re
from io import StringIO

from rich.console import Console

from bureau.cli.progress import showing_steps


def test_a_bar_says_how_much_is_done_how_fast_and_how_long_it_still_takes() -> None:
    seconds, shown = [0.0], StringIO()
    console = Console(file=shown, force_terminal=True, width=120, get_time=lambda: seconds[0])

    with showing_steps(console) as advance:
        for done in (0, 300, 600):
            advance("log and streams", done, 1_500)
            seconds[0] += 10

    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue()).rpartition("log and streams")[2]
    assert re.search(r"600 of 1,500  30/s +0:00:30", last), last


def test_where_nobody_looks_nothing_is_shown() -> None:
    shown = StringIO()

    with showing_steps(Console(file=shown)) as advance:
        advance("log and streams", 1, 2)

    assert shown.getvalue() == ""
