"""Approvals and budgets over HTTP: the queue of what waits for people, and what may still be spent."""

from contracts.views import ApprovalDetail, ApprovalSummary, BudgetDetail
from infrastructure.postgres import Pool
from query_api.pages import Page
from tests.query.more_rows import add_approval, add_budget
from tests.query.world import World, id_of, move_checkpoint, shard_for, tell


async def _operations(world: World, **filters: str) -> list[str]:
    page = Page[ApprovalSummary].model_validate_json((await world.find("/approvals", filters)).content)
    return [approval.operation for approval in page.data]


async def test_approvals_come_oldest_first_and_filters_combine(world: World, pool: Pool) -> None:
    await add_approval(pool, "new", age=1)
    await add_approval(pool, "old", age=3, status="refused")
    await add_approval(pool, "middle", age=2, task="other")

    assert await _operations(world) == ["old", "middle", "new"]
    assert await _operations(world, status="pending") == ["middle", "new"]
    assert await _operations(world, status="pending", task_id=str(id_of("t"))) == ["new"]
    assert await _operations(world, agent_id=str(id_of("nobody"))) == []


async def test_an_approval_is_answered_whole_and_covers_all_shards(world: World, pool: Pool) -> None:
    approval = await add_approval(pool, "x")
    for shard in (2, 3):
        await move_checkpoint(pool, "approvals", shard, 7)

    answer = await world.get(f"/approvals/{id_of('x')}")

    assert ApprovalDetail.model_validate_json(answer.content) == approval
    assert answer.headers["Bureau-Consistency"] == "1.2:7,3:7"


async def test_a_decided_approval_leaves_the_queue_once_the_list_is_forgotten(world: World, pool: Pool) -> None:
    await add_approval(pool, "x")
    assert await _operations(world, status="pending") == ["x"]

    await pool.execute("UPDATE read.approval_list SET status = 'approved'")
    await tell(world, "approvals", 2, 8, ["approval_list/here"])

    assert await _operations(world, status="pending") == []


async def test_an_approval_is_read_again_when_it_was_forgotten(world: World, pool: Pool) -> None:
    await add_approval(pool, "x")
    path, body = f"/approvals/{id_of('x')}", "UPDATE read.approval_detail SET body = $1"
    assert (await world.get(path)).json()["is_used"] is False

    await pool.execute(body, b'{"is_used":true}')
    await tell(world, "approvals", 2, 8, [f"approval_detail/{id_of('x')}"])

    assert (await world.get(path)).json()["is_used"] is True


async def test_budgets_come_by_scope_and_filters_combine(world: World, pool: Pool) -> None:
    await add_budget(pool, "workspace")
    await add_budget(pool, "context:b", status="removed")
    await add_budget(pool, "context:a")

    async def scopes(**filters: str) -> list[str]:
        page = Page[BudgetDetail].model_validate_json((await world.find("/budgets", filters)).content)
        return [budget.scope for budget in page.data]

    assert await scopes() == ["context:a", "context:b", "workspace"]
    assert await scopes(status="active") == ["context:a", "workspace"]
    assert await scopes(scope="context:b") == ["context:b"]
    assert (await world.get("/budgets", scope="everything")).status_code == 422


async def test_a_budget_is_answered_whole_and_read_again_when_it_was_forgotten(world: World, pool: Pool) -> None:
    budget = await add_budget(pool, "workspace")
    shard, path = shard_for("workspace"), f"/budgets/{id_of('workspace')}"
    await move_checkpoint(pool, "budgets", shard, 2)

    answer = await world.get(path)
    assert BudgetDetail.model_validate_json(answer.content) == budget
    assert answer.headers["Bureau-Consistency"] == f"1.{shard}:2"

    await pool.execute("UPDATE read.budgets SET body = $1", b'{"spent":"9"}')
    await tell(world, "budgets", shard, 3, [f"budget_detail/{id_of('workspace')}"])
    assert (await world.get(path)).json() == {"spent": "9"}
