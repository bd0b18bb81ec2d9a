"""Figures over HTTP: sums over tasks of several roots, and how the tasks of a context stand."""

from decimal import Decimal

import pytest

from contracts.usage import UsageTotal
from contracts.views import ContextSummary, UsageFigures
from infrastructure.postgres import Pool
from tests.query.more_rows import add_usage, spent
from tests.query.world import OTHER_WORKSPACE, START, World, add_task, id_of, move_checkpoint, tell


async def _usage(world: World, **filters: str) -> UsageFigures:
    return UsageFigures.model_validate_json((await world.find("/usage", filters)).content)


async def test_usage_is_added_up_over_tasks_by_model_and_currency(world: World, pool: Pool) -> None:
    await add_usage(pool, 1, spent("0.10", reports=2), spent("0.01", model="small"))
    await add_usage(pool, 2, spent("0.20"), spent("1.5", currency="EUR"), spent("0", model=None))

    figures = await _usage(world)

    assert (figures.tasks, figures.reports, figures.agent_id, figures.context_id) == (2, 6, None, None)
    assert figures.usage == UsageTotal(
        input_tokens=60,
        output_tokens=5 * 2**40,
        cached_input_tokens=5,
        tool_calls=6,
        duration_ms=500,
        cost={"USD": Decimal("0.31"), "EUR": Decimal("1.5")},
    )
    by_model = [(part.model, part.reports, part.usage.cost) for part in figures.by_model]
    large = {"USD": Decimal("0.30"), "EUR": Decimal("1.5")}
    assert by_model == [("large", 4, large), ("small", 1, {"USD": Decimal("0.01")}), (None, 1, {})]


async def test_usage_is_that_of_an_agent_a_context_or_both(world: World, pool: Pool) -> None:
    await add_usage(pool, 1, spent("1"), agent="a", context="x")
    await add_usage(pool, 2, spent("2"), agent="a", context="y")
    await add_usage(pool, 3, spent("4"), agent="b", context="y")
    await add_usage(pool, 4, spent("8"), agent="a", context="y", workspace=OTHER_WORKSPACE)

    async def cost(**filters: str) -> dict[str, Decimal]:
        return (await _usage(world, **filters)).usage.cost

    assert await cost() == {"USD": Decimal(7)}
    assert await cost(agent_id=str(id_of("a"))) == {"USD": Decimal(3)}
    assert await cost(context_id="y") == {"USD": Decimal(6)}
    assert await cost(agent_id=str(id_of("a")), context_id="y") == {"USD": Decimal(2)}


async def test_an_agent_that_never_worked_has_used_nothing(world: World) -> None:
    figures = await _usage(world, agent_id=str(id_of("nobody")))

    assert figures == UsageFigures(
        agent_id=id_of("nobody"), context_id=None, tasks=0, reports=0, usage=UsageTotal(), by_model=()
    )


async def test_figures_are_read_again_when_they_were_forgotten_and_say_what_they_cover(
    world: World, pool: Pool
) -> None:
    await add_usage(pool, 1, spent("1"))
    await move_checkpoint(pool, "usage", 4, 1)
    assert (await _usage(world)).tasks == 1

    await add_usage(pool, 2, spent("1"))
    await tell(world, "usage", 4, 2, ["usage/here"])

    assert (await _usage(world)).tasks == 2
    assert (await world.get("/usage")).headers["Bureau-Consistency"] == "1.4:2"


async def test_a_filter_of_usage_that_is_not_of_its_type_is_refused(world: World) -> None:
    for name, value in (("agent_id", "me"), ("context_id", "a b")):
        assert (await world.find("/usage", {name: value})).status_code == 422


async def test_a_context_counts_its_tasks_by_state(world: World, pool: Pool) -> None:
    for name, age, state in (("t1", 3, "working"), ("t2", 2, "completed"), ("t3", 1, "working")):
        await add_task(pool, name, age=age, state=state, context="x")
    await add_task(pool, "other", context="y")
    await add_task(pool, "foreign", context="x", workspace=OTHER_WORKSPACE)

    summary = ContextSummary.model_validate_json((await world.get("/contexts/x")).content)

    assert (summary.tasks, summary.by_state) == (3, {"completed": 1, "working": 2})
    assert summary.first_submitted_at < summary.last_submitted_at < START
    tasks = await world.client.get(summary.tasks_url)
    assert [task["title"] for task in tasks.json()["data"]] == ["t3", "t2", "t1"]


@pytest.mark.parametrize("context_id", ["a/b", "a%25b", "a&b=c"])
async def test_a_context_is_found_whatever_characters_its_id_has(world: World, pool: Pool, context_id: str) -> None:
    await add_task(pool, "t", context=context_id.replace("%25", "%"))

    answer = await world.get(f"/contexts/{context_id}")

    assert answer.status_code == 200
    assert len((await world.client.get(answer.json()["tasks_url"])).json()["data"]) == 1


async def test_a_context_is_counted_again_when_its_tasks_change(world: World, pool: Pool) -> None:
    await add_task(pool, "t1", context="x")
    assert (await world.get("/contexts/x")).json()["tasks"] == 1

    await add_task(pool, "t2", context="x")
    await tell(world, "tasks", 4, 2, ["task_list/here"])

    assert (await world.get("/contexts/x")).json()["tasks"] == 2
