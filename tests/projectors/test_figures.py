"""What projectors tell of dead letters and of lag, at /ready and at /metrics, without being any less ready for it."""

from random import Random

from httpx2 import ASGITransport, AsyncClient, Response
from redis.asyncio import Redis

from infrastructure.dead_letters import DeadLetterFilter, read_dead_letters
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_checkpoints
from infrastructure.version_switching import begin_version
from infrastructure.version_tables import make_tables
from infrastructure.web.metrics import Gauge, Sample, render_gauges
from projectors.building import catch_up, open_build
from projectors.main import create_health
from projectors.projections import PROJECTIONS, table_names
from projectors.projections.tasks import TASKS
from projectors.reading import Session
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.poison import long_story, with_gap
from tests.projectors.stories import write


async def get(session: Session, pool: Pool, redis: Redis, path: str) -> Response:
    transport = ASGITransport(create_health(session, pool, redis))
    async with AsyncClient(transport=transport, base_url="http://projectors") as client:
        return await client.get(path)


async def test_dead_letters_are_counted_where_people_and_scrapers_look(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))

        async def is_ready() -> bool:
            return (await get(session, pool, redis, "/ready")).status_code == 200

        await poll_until(is_ready)
        assert (await get(session, pool, redis, "/ready")).json()["notes"] == []
        figures = (await get(session, pool, redis, "/metrics")).text
        for projection in PROJECTIONS:
            assert f'bureau_dead_letters{{projection="{projection.name}"}} 0\n' in figures

        bad = with_gap(long_story(randomness, 5), 2)
        await write(pool, bad)
        await poll_until(lambda: has_applied_everything(pool))
        ready = await get(session, pool, redis, "/ready")
        waiting = len(bad) - 2
        assert ready.status_code == 200
        assert f"tasks version 1: 1 dead letters, {waiting} events wait" in ready.json()["notes"]
        figures = (await get(session, pool, redis, "/metrics")).text
        assert 'bureau_dead_letters{projection="tasks"} 1\n' in figures
        assert f'bureau_dead_letter_events{{projection="tasks"}} {waiting}\n' in figures
        assert 'bureau_projection_lag_events{projection="tasks"} 0\n' in figures
    await write(pool, long_story(randomness, 6))
    figures = (await get(session, pool, redis, "/metrics")).text
    assert 'bureau_projection_lag_events{projection="tasks"} 0\n' not in figures


async def test_a_version_that_is_being_built_counts_in_no_figure(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    bad = with_gap(long_story(randomness, 5), 2)
    await write(pool, bad)
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))
    await open_checkpoints(pool, version)
    while await catch_up(open_build(pool, TASKS, version)):
        pass
    assert len(await read_dead_letters(pool, DeadLetterFilter(projection="tasks"))) == 2
    figures = (await get(session, pool, redis, "/metrics")).text
    assert 'bureau_dead_letters{projection="tasks"} 1\n' in figures
    assert f'bureau_dead_letter_events{{projection="tasks"}} {len(bad) - 2}\n' in figures
    notes = (await get(session, pool, redis, "/ready")).json()["notes"]
    assert {f"tasks version {each}: 1 dead letters, {len(bad) - 2} events wait" for each in (1, 2)} <= {*notes}


async def test_figures_that_cannot_be_read_are_a_503(redis: Redis, pool: Pool) -> None:
    await pool.execute("DROP TABLE read.parked_events")
    answer = await get(Session("", ()), pool, redis, "/metrics")
    assert (answer.status_code, answer.text) == (503, "# UndefinedTableError\n")
    notes = (await get(Session("", ()), pool, redis, "/ready")).json()["notes"]
    assert notes == ["what else there is to know cannot be read: UndefinedTableError"]


def test_figures_are_written_as_scrapers_read_them() -> None:
    gauge = Gauge("a_gauge", "What it is.", [Sample({"name": 'a "b" \\ \n c'}, 2.5), Sample({}, 1_234_567)])
    assert render_gauges([gauge]) == (
        '# HELP a_gauge What it is.\n# TYPE a_gauge gauge\na_gauge{name="a \\"b\\" \\\\ \\n c"} 2.5\na_gauge 1234567\n'
    )
