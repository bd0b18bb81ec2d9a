"""From reports in the log to the figures that queries find: every report counts once, whichever shard it came by."""

from decimal import Decimal
from random import Random

from contracts.events import TaskUsageReported
from infrastructure.postgres import Pool
from infrastructure.read_models import ReadModels
from infrastructure.read_queries_figures import UsageFilter, find_usage
from projectors.projections.usage import USAGE
from tests.fold import has_applied_everything
from tests.projectors.stories import interleave, task_story, write
from tests.projectors.test_apply_projection import apply, batch_of, checkpoint_of
from tests.servers import TEST_SHARDS


async def test_the_figures_are_the_sum_of_all_reports_over_all_shards(pool: Pool, randomness: Random) -> None:
    stories = [task_story(randomness) for _ in range(40)]
    await write(pool, interleave(randomness, stories))
    for shard in range(TEST_SHARDS):
        checkpoint = await checkpoint_of(pool, USAGE, shard)
        while (batch := await batch_of(pool, checkpoint, shard=shard, limit=7)).entries:
            checkpoint = (await apply(pool, batch, USAGE)).moved[shard]
    assert await has_applied_everything(pool, (USAGE,))

    reports = [w.event.usage for story in stories for w in story if isinstance(w.event, TaskUsageReported)]
    found = await find_usage(ReadModels(pool), UsageFilter("default"))

    assert len(reports) > 20
    assert sum(part.reports for part in found.spent) == len(reports)
    assert sum(part.input_tokens for part in found.spent) == sum(usage.input_tokens for usage in reports)
    assert sum(part.cost for part in found.spent) == sum((usage.cost for usage in reports), Decimal(0))
    assert found.covers is not None
    assert len(found.covers.positions) == TEST_SHARDS
