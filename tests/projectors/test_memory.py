"""What a projector remembers counts only while the log holds the event that it was remembered at."""

from random import Random

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from projectors.projections.tasks import TASKS
from projectors.services import apply_projection
from tests.fold import find_unfolded
from tests.projectors.applying import SHARD, batch_of, checkpoint_of, dependencies_of
from tests.projectors.stories import Written, task_story, write
from tests.roots import new_id, root_in
from tests.unguarded import unguard


async def go_back(pool: Pool) -> None:
    """Bring the database back to where it held nothing of the shard."""
    await unguard(pool)
    await pool.execute("DELETE FROM log.events WHERE shard = $1", SHARD)
    await pool.execute("DELETE FROM read.task_list")
    await pool.execute("UPDATE read.checkpoints SET position = 0 WHERE projection = 'tasks' AND shard = $1", SHARD)


async def test_a_view_of_a_lost_future_is_not_carried_on(pool: Pool, randomness: Random) -> None:
    """A projector stands still while the database goes back, another writes past the same position, and it goes on."""
    while len(story := task_story(randomness, root_in(SHARD, randomness))) < 4:
        pass
    other_life = [Written(new_id(randomness), story[0].root, each.generation, each.event, "other") for each in story]
    start = await checkpoint_of(pool, TASKS)
    stopped, other = dependencies_of(pool), dependencies_of(pool)
    await write(pool, story[:2])
    await apply_projection(TASKS, [await batch_of(pool, start)], stopped)
    assert stopped.memory[SHARD].at == EntryId(1, 2)

    await go_back(pool)
    await write(pool, other_life)
    await apply_projection(TASKS, [await batch_of(pool, start, limit=2)], other)
    late = await batch_of(pool, EntryId(1, 2))

    lost = await apply_projection(TASKS, [late], stopped)
    assert (dict(lost.moved), set(lost.lost)) == ({}, {SHARD})
    stopped.memory.clear()
    assert (await apply_projection(TASKS, [late], stopped)).moved == {SHARD: late.entries[-1].id}
    found = await find_unfolded(pool, (TASKS,))
    assert [line for line in found if not line.startswith("checkpoint.behind")] == []
