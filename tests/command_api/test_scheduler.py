"""The scheduler and tasks that nobody can decide about: they keep no other from its turn, and are tried ever less."""

from uuid import UUID

import httpx2
import structlog

from command_api.services.set_aside import SetAside, find_left_alone, forget_settled, set_aside
from infrastructure.postgres import Pool
from tests.command_api.scenario import expire_lease, find_event, lease_one, register_agent, send_json, submit_task
from tests.command_api.test_many_tasks import item
from tests.polling import poll_until

BROKEN = UUID(int=1)


async def break_tasks(store: Pool) -> int:
    """Make all tasks unreadable, and due before all others; return how many."""
    broken = await store.execute(
        "UPDATE write.aggregates SET state = (state - 'rules') || '{\"due_at\": -1}' WHERE kind = 'task'"
    )
    return int(broken.removeprefix("UPDATE "))


async def test_more_broken_tasks_than_a_batch_holds_keep_no_other_from_its_time_out(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await send_json(command_client, "/tasks/batch", {"tasks": [item()] * 150})
    with structlog.testing.capture_logs() as logs:
        assert await break_tasks(store) == 150
        task = await submit_task(command_client, priority=9)
        await lease_one(command_client)
        await expire_lease(store, task["task_id"])

        await poll_until(lambda: find_event(store, task["task_id"], "task.attempt_failed"))

    told = [log["task_id"] for log in logs if log["event"] == "a task that is due cannot be decided about"]
    assert len(set(told)) == 150


async def test_a_task_that_can_be_decided_about_again_is(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    task = await submit_task(command_client)
    await lease_one(command_client)
    rules = await store.fetchval("SELECT state -> 'rules' FROM write.aggregates WHERE id = $1", task["task_id"])
    with structlog.testing.capture_logs() as logs:
        await break_tasks(store)
        await poll_until(lambda: logs)
        await expire_lease(store, task["task_id"])
        await store.execute(
            "UPDATE write.aggregates SET state = state || jsonb_build_object('rules', $2::jsonb) WHERE id = $1",
            task["task_id"],
            rules,
        )
        await poll_until(lambda: find_event(store, task["task_id"], "task.attempt_failed"))


def test_what_fails_again_and_again_is_left_alone_twice_as_long_each_time() -> None:
    aside: SetAside = {}

    assert [set_aside(aside, BROKEN, 10) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert find_left_alone(aside, 39.9) == [BROKEN]
    assert find_left_alone(aside, 40) == []


def test_what_others_have_seen_to_is_forgotten() -> None:
    aside: SetAside = {}
    set_aside(aside, BROKEN, 10)

    forget_settled(aside, set(), 10.9)
    forget_settled(aside, {BROKEN}, 11)
    assert BROKEN in aside
    forget_settled(aside, set(), 11)
    assert aside == {}
