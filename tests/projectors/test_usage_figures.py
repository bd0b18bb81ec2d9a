"""From reports in the log to the figures that queries find: every report counts once, whichever shard it came by."""

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from uuid import UUID

from contracts.events import TaskUsageReported
from infrastructure.postgres import Pool
from infrastructure.read_models import ReadModels
from infrastructure.read_queries_figures import UsageFilter, find_usage
from projectors.projections.usage import USAGE
from tests.fold import find_unfolded, has_applied_everything
from tests.projectors.applying import apply, batch_of, checkpoint_of
from tests.projectors.stories import interleave, task_story, write
from tests.servers import TEST_SHARDS


async def test_the_figures_are_the_sum_of_all_reports_over_all_shards(pool: Pool, randomness: Random) -> None:
    stories = [task_story(randomness) for _ in range(40)]
    await write(pool, interleave(randomness, stories))
    for shard in range(TEST_SHARDS):
        checkpoint = await checkpoint_of(pool, USAGE, shard)
        while (batch := await batch_of(pool, checkpoint, shard=shard, limit=7)).entries:
            checkpoint = (await apply(pool, batch, USAGE)).moved[shard]
    assert await has_applied_everything(pool, (USAGE,))
    assert await find_unfolded(pool, (USAGE,)) == []

    reports = [(w.root, w.event) for story in stories for w in story if isinstance(w.event, TaskUsageReported)]
    one = reports[0][1]
    assert len(reports) > 20
    assert await figures(pool, UsageFilter("default")) == expected(reports)
    for agent_id, context_id in ((one.agent_id, None), (None, one.context_id), (one.agent_id, one.context_id)):
        meant = [
            (root, event)
            for root, event in reports
            if agent_id in {None, event.agent_id} and context_id in {None, event.context_id}
        ]
        assert await figures(pool, UsageFilter("default", agent_id, context_id)) == expected(meant)
    assert await figures(pool, UsageFilter("another")) == expected([])
    found = await find_usage(ReadModels(pool), UsageFilter("default"))
    assert found.covers.token is not None
    assert len(found.covers.token.positions) == TEST_SHARDS


type Figures = tuple[int, dict[str | None, tuple[int, int, Decimal]]]


async def figures(pool: Pool, wanted: UsageFilter) -> Figures:
    """Return the number of tasks, and by model: reports, input tokens and cost."""
    found = await find_usage(ReadModels(pool), wanted)
    return found.tasks, {part.model: (part.reports, part.input_tokens, part.cost) for part in found.spent}


def expected(reports: Iterable[tuple[UUID, TaskUsageReported]]) -> Figures:
    """Return the same, counted one by one."""
    tasks: set[UUID] = set()
    by_model: dict[str | None, tuple[int, int, Decimal]] = {}
    for root, event in reports:
        tasks.add(root)
        count, tokens, cost = by_model.get(event.usage.model, (0, 0, Decimal(0)))
        by_model[event.usage.model] = (count + 1, tokens + event.usage.input_tokens, cost + event.usage.cost)
    return len(tasks), by_model
