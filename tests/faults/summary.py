"""What a storm was, in words and figures that a note may quote."""

from collections import Counter
from collections.abc import Mapping

from bureau.verification import Report
from tests.faults.ledger import Audit
from tests.faults.points import STRUCK
from tests.faults.state import Storm

__all__ = ["summarise"]


def summarise(storm: Storm, final: Report, books: Audit) -> str:
    """Return a line a subject: what happened, who was killed where, what was acknowledged, what differs."""
    sections: dict[str, Mapping[str, float]] = {
        "at the end": {
            "events": final.events,
            "entries of streams": final.entries,
            "aggregates": final.aggregates,
            "rows of read models": final.rows,
            "receipts": final.receipts,
            "differences": final.different,
            "faults in the books": len(books.faults),
        },
        "seconds": {name: round(value) for name, value in storm.seconds.items()}
        | {"longest stall": round(storm.progress.longest_stall, 1)},
        "killed with SIGKILL": {"in all": storm.crew.kills, **_sorted(storm.crew.struck)},
        "done": _sorted(storm.done),
        "what the stopped came to when they went on": _sorted(_told(storm)),
        "commands acknowledged": {"in all": sum(books.acknowledged.values()), **_sorted(books.acknowledged)},
        "of these forgotten with a database that was put back": {"in all": books.forgotten},
        "refused": _sorted(books.refusals),
        "tasks by their last event": _sorted(books.tasks),
    }
    return "\n".join(f"{title}: {_words(figures)}" for title, figures in sections.items())


def _told(storm: Storm) -> Counter[str]:
    """Count what processes said that were stopped at a point and went on."""
    with storm.crew.log.open("rb") as lines:
        mark = STRUCK.encode()
        return Counter(line[len(mark) :].decode(errors="replace").strip() for line in lines if line.startswith(mark))


def _sorted(figures: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(figures.items()))


def _words(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in figures.items()) or "none"
