"""What a projectors' process tells of itself beside whether it works: what waits as dead letters, and how much lags."""

from collections import Counter
from collections.abc import Mapping, Sequence

from infrastructure.dead_letters import count_dead_letters
from infrastructure.event_log import read_heads
from infrastructure.line_positions import read_checkpoints
from infrastructure.postgres import Pool
from infrastructure.web.metrics import Gauge, Sample

__all__ = ["read_figures", "read_notes"]


async def read_notes(pool: Pool) -> list[str]:
    """Return a sentence for each version of a projection that has dead letters."""
    return [
        f"{projection} version {version}: {roots} dead letters, {events} events wait"
        for (projection, version), (roots, events) in sorted((await count_dead_letters(pool)).items())
    ]


async def read_figures(pool: Pool) -> Sequence[Gauge]:
    """Return the gauges of all projections, whichever replica works on them, in the versions that serve."""
    checkpoints = await read_checkpoints(pool)
    heads = await read_heads(pool)
    lags, letters, events = Counter[str](), Counter[str](), Counter[str]()
    for each in checkpoints:
        lags[each.projection] += max(0, heads[each.shard].position - each.entry.position)
        letters[each.projection] += 0
        events[each.projection] += 0
    serving = {(each.projection, each.version) for each in checkpoints}
    for (projection, version), (roots, waiting) in (await count_dead_letters(pool)).items():
        if (projection, version) in serving:
            letters[projection] += roots
            events[projection] += waiting
    return (
        Gauge("bureau_dead_letters", "Roots that wait as dead letters.", _samples(letters)),
        Gauge("bureau_dead_letter_events", "Events that wait with them.", _samples(events)),
        Gauge("bureau_projection_lag_events", "Events of the log that the read model lacks.", _samples(lags)),
    )


def _samples(values: Mapping[str, int]) -> list[Sample]:
    return [Sample({"projection": name}, value) for name, value in sorted(values.items())]
