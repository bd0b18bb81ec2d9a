"""What `bureau status` says of read models."""

from random import Random

from redis.asyncio import Redis

from bureau.local.read_model_section import read_read_models_section
from infrastructure.postgres import Pool
from infrastructure.version_switching import begin_version
from projectors.projections import PROJECTIONS
from projectors.projections.tasks import TASKS
from tests.projectors.stories import write_tasks
from tests.rebuild.rebuilds import project_everything, run_rebuild


async def test_status_shows_versions_and_what_a_rebuild_left_and_stays_healthy(
    pool: Pool, redis: Redis, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 5)
    await project_everything(pool)
    await run_rebuild(pool, TASKS)
    await begin_version(pool, "agents")

    section = await read_read_models_section(pool, redis)

    rows = {row["projection"]: row for row in section.rows}
    assert rows.keys() == {each.name for each in PROJECTIONS}
    assert (rows["tasks"]["version"], rows["tasks"]["kept"], rows["agents"]["being built"]) == (2, 1, 2)
    assert section.problems == ()
    assert [word in note for word, note in zip(("agents", "--confirm"), section.notes, strict=True)] == [True, True]
