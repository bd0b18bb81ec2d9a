"""Pages: every row exactly once, and no cursor that this service did not make for this very list."""

import asyncio
from collections.abc import Mapping

import pytest

from infrastructure.cursors import cursor_key, seal_cursor
from infrastructure.postgres import Pool
from tests.query.more_rows import add_approval, add_budget
from tests.query.world import World, add_agent, add_task, add_timeline, id_of, tell


async def _walk(world: World, route: str, limit: int, **filters: str) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    parameters: dict[str, str | int] = {"limit": limit, **filters}
    while True:
        page = (await world.find(route, parameters)).json()
        assert page["has_more"] == (page["next_cursor"] is not None)
        rows += page["data"]
        if not page["has_more"]:
            return rows
        assert len(page["data"]) == limit
        parameters["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 3, 7, 12, 13, 100])
async def test_pages_cover_every_row_exactly_once(world: World, pool: Pool, limit: int) -> None:
    for n in range(12):
        await add_task(pool, f"t{n}", age=n // 3)  # three at the very same microsecond
        await add_agent(pool, f"a{n:02}")
        await add_approval(pool, f"p{n}", age=n // 3)
        await add_budget(pool, f"context:{n:02}")
    await add_timeline(pool, "t0", range(1, 13))

    tasks = await _walk(world, "/tasks", limit)
    agents = await _walk(world, "/agents", limit)
    timeline = await _walk(world, f"/tasks/{id_of('t0')}/timeline", limit)
    approvals = await _walk(world, "/approvals", limit)
    budgets = await _walk(world, "/budgets", limit)

    assert sorted(str(task["title"]) for task in tasks) == sorted(f"t{n}" for n in range(12))
    assert [task["submitted_at"] for task in tasks] == sorted(
        (str(task["submitted_at"]) for task in tasks), reverse=True
    )
    assert [agent["name"] for agent in agents] == [f"a{n:02}" for n in range(12)]
    assert [entry["generation"] for entry in timeline] == list(range(1, 13))
    assert sorted(str(approval["operation"]) for approval in approvals) == sorted(f"p{n}" for n in range(12))
    requested = [str(approval["requested_at"]) for approval in approvals]
    assert requested == sorted(requested)
    assert [budget["scope"] for budget in budgets] == [f"context:{n:02}" for n in range(12)]


async def test_pages_cover_every_row_once_while_rows_are_inserted(world: World, pool: Pool) -> None:
    before = {f"t{n}" for n in range(40)}
    for n in range(40):
        await add_task(pool, f"t{n}", age=n * 10)
    is_read = asyncio.Event()

    async def insert() -> None:
        n = 0
        while not is_read.is_set():
            await add_task(pool, f"new{n}", age=n * 7 - 100)  # newer than all, and in between
            await tell(world, "tasks", 0, n + 1, ["task_list/here"])
            n += 1

    inserting = asyncio.create_task(insert())
    titles = [str(task["title"]) for task in await _walk(world, "/tasks", 3)]
    is_read.set()
    await inserting

    assert len(titles) == len(set(titles))
    assert before <= set(titles)


async def test_filtered_pages_keep_their_filter(world: World, pool: Pool) -> None:
    for n in range(10):
        await add_task(pool, f"t{n}", age=n, state="working" if n % 2 else "submitted")

    titles = [task["title"] for task in await _walk(world, "/tasks", 2, state="working")]

    assert titles == ["t1", "t3", "t5", "t7", "t9"]


async def test_the_link_header_leads_to_the_next_page(world: World, pool: Pool) -> None:
    for n in range(3):
        await add_task(pool, f"t{n}", age=n, state="working")

    first = await world.get("/tasks", limit=2, state="working")
    second = await world.client.get(first.links["next"]["url"])

    assert first.links["next"]["url"].startswith("/api/v1/tasks?")
    assert [task["title"] for task in second.json()["data"]] == ["t2"]
    assert "Link" not in second.headers


async def test_a_cached_page_still_leads_to_the_next(world: World, pool: Pool) -> None:
    for n in range(3):
        await add_task(pool, f"t{n}", age=n)

    first, again = await world.get("/tasks", limit=2), await world.get("/tasks", limit=2)

    assert again.headers["Link"] == first.headers["Link"]


async def _cursor(world: World, route: str, **parameters: str | int) -> str:
    cursor = (await world.find(route, {"limit": 1, **parameters})).json()["next_cursor"]
    assert isinstance(cursor, str)
    return cursor


async def _refusal(world: World, route: str, **parameters: str | int) -> tuple[int, str]:
    answer = await world.find(route, parameters)
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_cursor_that_was_changed_anywhere_is_refused(world: World, pool: Pool) -> None:
    await add_task(pool, "t1")
    await add_task(pool, "t2")
    cursor = await _cursor(world, "/tasks")

    for n, character in enumerate(cursor[:-1]):
        changed = cursor[:n] + ("A" if character != "A" else "B") + cursor[n + 1 :]
        assert await _refusal(world, "/tasks", cursor=changed) == (422, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["x", "====", "ÿ", "a" * 100, "%00", "bmVpbg"])
async def test_what_is_no_cursor_is_refused(world: World, cursor: str) -> None:
    assert await _refusal(world, "/tasks", cursor=cursor) == (422, "invalid_cursor")


async def test_a_cursor_of_another_list_filter_workspace_or_key_is_refused(world: World, pool: Pool) -> None:
    for n in range(2):
        await add_task(pool, f"t{n}", state="working")
        await add_timeline(pool, f"t{n}", [1, 2])
    timelines = [f"/tasks/{id_of(name)}/timeline" for name in ("t0", "t1")]
    foreign = seal_cursor(cursor_key(b"s" * 32), '["tasks","elsewhere",null,null,null]', [0, str(id_of("t0"))])
    forged = seal_cursor(cursor_key(b"t" * 32), '["tasks","here",null,null,null]', [0, str(id_of("t0"))])

    cursors = [
        ("/agents", await _cursor(world, "/tasks")),
        ("/tasks", await _cursor(world, "/tasks", state="working")),
        (timelines[0], await _cursor(world, timelines[1])),
        ("/tasks", foreign),
        ("/tasks", forged),
    ]

    for route, cursor in cursors:
        assert await _refusal(world, route, cursor=cursor) == (422, "invalid_cursor")
