"""Commands that are saved together: one commit, and for each the same as if it had been alone."""

import asyncio
import random
from uuid import UUID

import orjson

from contracts.streams import Token
from infrastructure.command_loads import LoadRequest, load_commands
from infrastructure.joint_saves import joined_writes, save_commands, saving
from infrastructure.postgres import Pool
from infrastructure.write_store import (
    AggregateChange,
    BudgetGuard,
    DuplicateReceiptError,
    Write,
    WriteConflictError,
    save_command,
)
from tests.roots import new_id, root_in
from tests.write_path.history import count_deadlocks, find_faults
from tests.write_path.writes import Version, carry_out, command_key, make_write

_GUARDED = BudgetGuard(["workspace"], [(UUID(int=7), 1)])


def writes_of(randomness: random.Random, shards: list[int]) -> list[Write]:
    """Return writes of one new root each, in the given shards."""
    return [
        make_write(f"c-{number}", [Version(root_in(shard, randomness))], randomness, events=1 + number % 3)
        for number, shard in enumerate(shards)
    ]


async def transactions_of(pool: Pool) -> int:
    """Return in how many transactions the log was written."""
    count: int = await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM log.events")
    return count


async def test_commands_together_are_one_transaction_with_a_receipt_and_a_token_each(
    pool: Pool, randomness: random.Random
) -> None:
    writes = writes_of(randomness, [3, 1, 3, 5])

    tokens = await save_commands(pool, writes)

    assert await transactions_of(pool) == 1
    # Of events: 1, 2, 3, 1. Who shares a shard with others is told how far it came with all of them.
    assert tokens == [Token(1, {3: 4}), Token(1, {1: 2}), Token(1, {3: 4}), Token(1, {5: 1})]
    loaded = await load_commands(pool, [LoadRequest(write.key) for write in writes])
    assert [each.receipt and each.receipt.token for each in loaded] == tokens
    assert [each.receipt and each.receipt.result for each in loaded] == [write.result for write in writes]
    assert await find_faults(pool) == []


async def test_a_command_of_several_shards_is_told_of_each_and_of_no_other(
    pool: Pool, randomness: random.Random
) -> None:
    first, second, third = writes_of(randomness, [3, 1, 5])
    roots = [root_in(shard, randomness) for shard in (3, 2, 3)]
    several = make_write("several", [Version(root) for root in roots], randomness)

    tokens = await save_commands(pool, [first, several, second, third])

    # Of events: 1, 3, 2, 3.
    assert await transactions_of(pool) == 1
    assert tokens == [Token(1, {3: 3}), Token(1, {2: 1, 3: 3}), Token(1, {1: 2}), Token(1, {5: 3})]
    (loaded,) = await load_commands(pool, [LoadRequest(several.key)])
    assert loaded.receipt
    assert loaded.receipt.token == tokens[1]
    assert await find_faults(pool) == []


async def test_one_that_is_stale_is_refused_and_the_others_are_saved(pool: Pool, randomness: random.Random) -> None:
    writes = writes_of(randomness, [3, 1, 3, 5])
    stale = make_write("stale", [Version(root_in(2, randomness), revision=4, generation=4)], randomness)

    answers = await save_commands(pool, [*writes[:2], stale, *writes[2:]])

    assert isinstance(answers[2], WriteConflictError)
    assert [type(answer) for answer in (*answers[:2], *answers[3:])] == [Token] * 4
    assert await find_faults(pool) == []


async def test_one_that_was_carried_out_before_is_told_and_the_others_are_saved(
    pool: Pool, randomness: random.Random
) -> None:
    first, *others = writes_of(randomness, [3, 1, 3])
    await save_command(pool, first)
    again = make_write("c-0", [Version(root_in(4, randomness))], randomness)

    answers = await save_commands(pool, [others[0], again, others[1]])

    assert isinstance(answers[1], DuplicateReceiptError)
    assert [type(answer) for answer in (answers[0], answers[2])] == [Token] * 2
    assert await find_faults(pool) == []


def test_only_commands_on_tasks_alone_that_do_not_meet_are_joined(randomness: random.Random) -> None:
    first, second, third = writes_of(randomness, [3, 1, 3])
    both = make_write("both", [Version(root_in(shard, randomness)) for shard in (1, 2)], randomness)
    agent = first._replace(key=command_key("agent"), changes=[AggregateChange(new_id(randomness), "agent", 0, 1, "{}")])
    elsewhere = second._replace(key=command_key("c-9")._replace(workspace_id="elsewhere"))
    same_key = third._replace(key=first.key)
    same_task = first._replace(key=command_key("same task"))

    groups = joined_writes([first, both, agent, elsewhere, same_key, same_task, second, third])

    assert groups == [[0, 1, 6, 7], [2], [3], [4], [5]]


def test_commands_that_saw_other_budgets_are_not_joined(randomness: random.Random) -> None:
    plain, unguarded, seen, newer, none = writes_of(randomness, [1, 2, 3, 4, 5])
    seen, none = seen._replace(guard=_GUARDED), none._replace(guard=BudgetGuard(["workspace"]))
    newer = newer._replace(guard=BudgetGuard(["workspace"], [(UUID(int=7), 2)]))

    assert joined_writes([plain, seen, newer, none, unguarded]) == [[0, 1, 4], [2], [3]]


async def test_what_a_joint_guard_forbids_is_decided_anew_and_the_rest_is_saved(
    pool: Pool, randomness: random.Random
) -> None:
    budget = new_id(randomness)
    state = orjson.dumps({"scope": "workspace", "status": "active"}).decode()
    await save_command(
        pool,
        make_write("budget", [Version(budget)], randomness)._replace(
            changes=[AggregateChange(budget, "budget", 0, 1, state)]
        ),
    )
    plain, lease, other = writes_of(randomness, [1, 2, 3])
    guard = BudgetGuard(["workspace"])

    answers = await save_commands(pool, [plain, lease._replace(guard=guard), other._replace(guard=guard)])

    assert [type(answer) for answer in answers] == [Token, WriteConflictError, WriteConflictError]


async def test_many_processes_that_save_together_never_meet_crosswise(pool: Pool, randomness: random.Random) -> None:
    roots = [new_id(randomness) for _ in range(12)]
    before = await count_deadlocks(pool)

    async def process(number: int) -> None:
        save = saving(pool, most=16, lanes=1)
        own = random.Random(number)
        for turn in range(6):
            keys = [f"{number}-{turn}-{part}" for part in range(8)]
            await asyncio.gather(
                *(
                    carry_out(pool, key, own.sample(roots, 1 + (part == 7)), own, save=save)
                    for part, key in enumerate(keys)
                )
            )

    await asyncio.gather(*(process(number) for number in range(4)))

    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == 4 * 6 * 8
    assert await find_faults(pool) == []
    assert await count_deadlocks(pool) == before
    assert await transactions_of(pool) < 4 * 6 * 8


async def test_a_save_is_planned_once_and_not_for_each_number_of_commands(pool: Pool) -> None:
    settings = await pool.fetchval(
        "SELECT proconfig FROM pg_proc WHERE proname = 'commit_commands' AND 'p_receipt_numbers' = ANY (proargnames)"
    )

    assert settings == ["plan_cache_mode=force_generic_plan"]
