"""Each measurement runs whenever the product changes; what it measures is looked at elsewhere."""

import subprocess
import sys
from uuid import UUID

import httpx2
import pytest
from asgi_lifespan import LifespanManager

from benchmarks.__main__ import MEASUREMENTS
from benchmarks.command_floor import create_application
from infrastructure.identifiers import new_id
from infrastructure.postgres import open_pool


async def count_saved(database_url: str) -> tuple[int, int]:
    pool = await open_pool(database_url, size=1, application_name="test")
    aggregates = await pool.fetchval("SELECT count(*) FROM write.aggregates")
    events = await pool.fetchval("SELECT count(*) FROM log.events")
    await pool.close()
    return aggregates, events


@pytest.mark.parametrize("path", ["/save", "/load-and-save"])
async def test_the_bare_endpoint_saves_a_task_and_its_event_as_the_product_does(database_url: str, path: str) -> None:
    agent_id: UUID = new_id()
    async with LifespanManager(create_application(database_url, agent_id)) as manager:
        transport = httpx2.ASGITransport(app=manager.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bare") as client:
            answers = [await client.post(path) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await count_saved(database_url) == (2, 2)


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_quick_measurement_runs_to_its_table(name: str) -> None:
    words = [sys.executable, "-m", "benchmarks", "--quick", name]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    assert name.capitalize() in done.stdout
    assert "measurement" in done.stdout
