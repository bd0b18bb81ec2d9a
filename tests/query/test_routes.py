"""Each route over HTTP: what it answers, and what it refuses."""

import pytest

from contracts.a2a import Artifact, Part
from contracts.views import AgentDetail, AgentSummary, TaskSummary, TaskTimelineEntry
from infrastructure.postgres import Pool
from query_api.pages import Page, TaskWithContent
from tests.query.more_rows import add_approval, add_budget
from tests.query.world import (
    OTHER_WORKSPACE,
    World,
    add_agent,
    add_chunk,
    add_message,
    add_task,
    add_timeline,
    id_of,
    move_checkpoint,
    put_task_detail,
    shard_for,
)

LISTS = ["/agents", "/tasks", f"/tasks/{id_of('t')}/timeline", "/approvals", "/budgets"]
ROWS = {
    f"/agents/{id_of('a')}": "agent_not_found",
    f"/tasks/{id_of('t')}": "task_not_found",
    f"/tasks/{id_of('t')}/timeline": "task_not_found",
    f"/approvals/{id_of('p')}": "approval_not_found",
    f"/budgets/{id_of('workspace')}": "budget_not_found",
    "/contexts/c": "context_not_found",
}
ROUTES = sorted({*LISTS, *ROWS, "/usage"})


@pytest.mark.parametrize("route", ROUTES)
async def test_a_request_without_a_key_is_refused(world: World, route: str) -> None:
    answer = await world.get(route, headers={"Authorization": ""})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES)
async def test_an_unknown_query_parameter_is_refused_by_name(world: World, route: str) -> None:
    answer = await world.get(route, colour="red")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_request")
    assert [detail["path"] for detail in error["details"]] == ["query.colour"]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_query_parameter_that_comes_twice_is_refused_by_name(world: World, route: str) -> None:
    for value in ("1.2:1", "1.2:2"):
        answer = await world.client.get(f"/api/v1{route}?consistency=1.2:1&consistency={value}")

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "invalid_request")
        assert [(detail["path"], detail["code"]) for detail in error["details"]] == [("query.consistency", "repeated")]


@pytest.mark.parametrize("route", LISTS)
async def test_a_limit_outside_1_to_100_is_refused(world: World, route: str) -> None:
    for limit in ("0", "101", "-1", "many", ""):
        answer = await world.get(route, limit=limit)

        assert answer.status_code == 422
        assert answer.json()["error"]["details"][0]["path"] == "query.limit"


async def test_the_inner_name_of_the_limit_is_not_a_parameter(world: World) -> None:
    assert (await world.get("/tasks", size=1)).status_code == 422


@pytest.mark.parametrize(
    "parameters", [{"state": "done"}, {"agent_id": "me"}, {"context_id": "a b"}, {"context_id": ""}]
)
async def test_a_filter_that_is_not_of_its_type_is_refused(world: World, parameters: dict[str, str]) -> None:
    answer = await world.find("/tasks", parameters)

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["path"] == f"query.{next(iter(parameters))}"


@pytest.mark.parametrize("route", ROWS)
async def test_an_unknown_id_is_not_found(world: World, route: str) -> None:
    answer = await world.get(route)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == ROWS[route]


@pytest.mark.parametrize(
    "route", ["/agents/me", "/tasks/1", "/tasks/1/timeline", "/approvals/1", "/budgets/1", "/dead-letters/1"]
)
async def test_an_id_that_is_no_uuid_is_not_found_as_one_that_is_nobodys(world: World, route: str) -> None:
    answer = await world.get(route)

    kind = route.split("/")[1].removesuffix("s").replace("-", "_")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, f"{kind}_not_found")


@pytest.mark.parametrize("route", ROWS)
async def test_what_belongs_to_another_workspace_is_not_found(world: World, pool: Pool, route: str) -> None:
    await add_agent(pool, "a", workspace=OTHER_WORKSPACE)
    await put_task_detail(pool, "t", workspace=OTHER_WORKSPACE)
    await add_timeline(pool, "t", [1], workspace=OTHER_WORKSPACE)
    await add_task(pool, "t", workspace=OTHER_WORKSPACE)
    await add_approval(pool, "p", workspace=OTHER_WORKSPACE)
    await add_budget(pool, "workspace", workspace=OTHER_WORKSPACE)

    assert (await world.get(route)).status_code == 404


async def test_lists_show_nothing_of_another_workspace(world: World, pool: Pool) -> None:
    await add_agent(pool, "a", workspace=OTHER_WORKSPACE)
    await add_task(pool, "t", workspace=OTHER_WORKSPACE)
    await add_approval(pool, "p", workspace=OTHER_WORKSPACE)
    await add_budget(pool, "workspace", workspace=OTHER_WORKSPACE)

    for route in ("/agents", "/tasks", "/approvals", "/budgets"):
        assert (await world.get(route)).json() == {"data": [], "next_cursor": None, "has_more": False}


async def test_agents_come_by_name_and_by_status(world: World, pool: Pool) -> None:
    for name, status in (("cat", "active"), ("ape", "paused"), ("bee", "active")):
        await add_agent(pool, name, status=status)

    everyone = Page[AgentSummary].model_validate_json((await world.get("/agents")).content)
    active = Page[AgentSummary].model_validate_json((await world.get("/agents", status="active")).content)

    assert [agent.name for agent in everyone.data] == ["ape", "bee", "cat"]
    assert [agent.name for agent in active.data] == ["bee", "cat"]


async def test_an_agent_is_answered_whole(world: World, pool: Pool) -> None:
    agent = await add_agent(pool, "a")
    await move_checkpoint(pool, "agents", shard_for("a"), 7)

    answer = await world.get(f"/agents/{id_of('a')}")

    assert AgentDetail.model_validate_json(answer.content) == agent
    assert answer.headers["Bureau-Consistency"] == f"1.{shard_for('a')}:7"
    assert answer.headers["Content-Type"] == "application/json"


async def test_tasks_come_newest_first_and_filters_combine(world: World, pool: Pool) -> None:
    await add_task(pool, "old", age=3, state="working")
    await add_task(pool, "new", age=1, state="working", context="x")
    await add_task(pool, "middle", age=2)

    async def titles(**filters: str) -> list[str]:
        page = Page[TaskSummary].model_validate_json((await world.find("/tasks", filters)).content)
        return [task.title for task in page.data]

    assert await titles() == ["new", "middle", "old"]
    assert await titles(state="working") == ["new", "old"]
    assert await titles(state="working", context_id="x") == ["new"]
    assert await titles(agent_id=str(id_of("agent")), state="submitted") == ["middle"]
    assert await titles(agent_id=str(id_of("nobody"))) == []


async def test_a_task_comes_with_its_messages_and_its_joined_artifacts(world: World, pool: Pool) -> None:
    detail = await put_task_detail(pool, "t", generation=6)
    await add_message(pool, "t", 3, "second")
    await add_message(pool, "t", 1, "first")
    one, two = Part(text="1"), Part(data={"n": 2})
    await add_chunk(pool, "t", 4, Artifact(artifact_id="b", name="B", parts=(one,), metadata={"k": 1}))
    await add_chunk(pool, "t", 5, Artifact(artifact_id="a", parts=(two,)))
    await add_chunk(pool, "t", 6, Artifact(artifact_id="b", description="late", parts=(two, one)), append=True)

    task = TaskWithContent.model_validate_json((await world.get(f"/tasks/{id_of('t')}")).content)

    assert task.model_dump(exclude={"messages", "artifacts"}) == detail.model_dump()
    assert [message.parts[0].text for message in task.messages] == ["first", "second"]
    assert task.artifacts == (
        Artifact(artifact_id="b", name="B", description="late", parts=(one, two, one), metadata={"k": 1}),
        Artifact(artifact_id="a", parts=(two,)),
    )


async def test_an_artifact_that_a_later_attempt_began_anew_shows_nothing_of_the_earlier_one(
    world: World, pool: Pool
) -> None:
    await put_task_detail(pool, "t", generation=5)
    await add_chunk(pool, "t", 2, Artifact(artifact_id="a", name="Old", parts=(Part(text="1"),)))
    await add_chunk(pool, "t", 3, Artifact(artifact_id="a", parts=(Part(text="2"),)), append=True)
    await add_chunk(pool, "t", 4, Artifact(artifact_id="a", name="New", parts=(Part(text="3"),)))
    await add_chunk(pool, "t", 5, Artifact(artifact_id="a", parts=(Part(text="4"),)), append=True)

    task = TaskWithContent.model_validate_json((await world.get(f"/tasks/{id_of('t')}")).content)

    assert task.artifacts == (Artifact(artifact_id="a", name="New", parts=(Part(text="3"), Part(text="4"))),)


async def test_a_task_without_content_has_empty_lists(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")

    task = (await world.get(f"/tasks/{id_of('t')}")).json()

    assert (task["messages"], task["artifacts"]) == ([], [])


async def test_a_timeline_comes_oldest_first(world: World, pool: Pool) -> None:
    await add_timeline(pool, "t", [2, 1, 3])

    page = Page[TaskTimelineEntry].model_validate_json((await world.get(f"/tasks/{id_of('t')}/timeline")).content)

    assert [entry.generation for entry in page.data] == [1, 2, 3]


async def test_head_answers_like_get_without_failing(world: World, pool: Pool) -> None:
    await add_agent(pool, "a")

    got, headed = await world.get("/agents"), await world.client.head("/api/v1/agents")

    assert headed.status_code == 200
    assert headed.headers["ETag"] == got.headers["ETag"]


async def test_openapi_describes_every_query(world: World) -> None:
    document = (await world.client.get("/openapi.json")).json()

    paths = {path: item for path, item in document["paths"].items() if path.startswith("/api/v1")}
    # Dead letters are read past the caches, and have a test of their own.
    queries = {path: item for path, item in paths.items() if "/dead-letters" not in path}
    assert len(queries) == len(ROUTES)
    for item in queries.values():
        (operation,) = item.values()
        answers = operation["responses"]
        assert all(operation[name] for name in ("summary", "description", "tags"))
        assert {"200", "304", "401", "410", "422", "503"} <= answers.keys()
        assert answers["200"]["content"]["application/json"]["example"]
        assert "$ref" in answers["200"]["content"]["application/json"]["schema"]
        assert answers["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorResponse")
        assert {"Bureau-Consistency", "Prefer", "If-None-Match"} <= {entry["name"] for entry in operation["parameters"]}
