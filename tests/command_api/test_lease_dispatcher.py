"""The dispatcher alone, with a database that is a function: one look for all, nothing dealt twice, nothing kept."""

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest

from command_api.services.assign_work import Demand
from command_api.services.lease_dispatcher import open_lease_dispatcher
from domain.rejection import Conflict
from tests.command_api.board import AGENT, OTHER, TASKS, Board, ask
from tests.polling import poll_until


async def test_two_hundred_who_wait_cost_one_look() -> None:
    board = Board()
    async with open_lease_dispatcher(board.find) as dispatcher:
        waiting = [asyncio.create_task(ask(dispatcher)) for _ in range(200)]
        await poll_until(lambda: board.looks)
        looks = board.looks

        board.tasks[AGENT] = list(TASKS[:200])
        dispatcher.wake()
        shares = await asyncio.wait_for(asyncio.gather(*waiting), 10)

    assert board.looks <= looks + 2
    assert looks <= 2
    assert sorted(candidate.task_id for share in shares for candidate in share) == sorted(TASKS[:200])


async def test_who_waits_is_told_once_all_agents_are_retired_and_others_wait_on() -> None:
    board = Board()
    async with open_lease_dispatcher(board.find) as dispatcher:
        both, one = (asyncio.create_task(ask(dispatcher, 10, 1, *agents)) for agents in ((AGENT, OTHER), (AGENT,)))
        await poll_until(lambda: board.looks)
        board.retired.add(AGENT)
        dispatcher.wake()
        with pytest.raises(Conflict, match="retired"):
            await asyncio.wait_for(one, 10)
        board.tasks[OTHER] = [TASKS[0]]
        dispatcher.wake()
        assert [candidate.task_id for candidate in await asyncio.wait_for(both, 10)] == [TASKS[0]]


async def test_while_nobody_waits_nothing_is_looked_for() -> None:
    board = Board()
    async with open_lease_dispatcher(board.find) as dispatcher:
        for _ in range(20):
            dispatcher.wake()
            await asyncio.sleep(0)
    assert board.looks == 0


async def test_those_who_wait_for_nothing_cost_four_looks_a_second() -> None:
    board = Board()
    async with open_lease_dispatcher(board.find) as dispatcher:
        await asyncio.wait_for(asyncio.gather(*(ask(dispatcher, 2) for _ in range(50))), 10)
    pauses = [later - earlier for earlier, later in pairwise(board.looked_at)]
    assert min(pauses) > 0.24  # on any machine; on a busy one eight of them may take longer
    assert len(pauses) >= 4


async def test_who_came_first_is_served_first() -> None:
    board = Board()
    async with open_lease_dispatcher(board.find) as dispatcher:
        order = list[int]()

        async def wait(number: int) -> None:
            dispatcher.done(await ask(dispatcher, 30))
            order.append(number)

        waiting = [asyncio.create_task(wait(number)) for number in range(5)]
        # Longer than the patience of one wait: nobody loses a place meanwhile.
        await poll_until(lambda: board.looks >= 6)
        for task_id in TASKS[:5]:
            served = len(order)
            board.tasks[AGENT] = [task_id]
            dispatcher.wake()
            await poll_until(lambda served=served: len(order) > served)  # type: ignore[misc] # mypy #12557
            board.tasks[AGENT] = []
        await asyncio.gather(*waiting)

    assert order == [0, 1, 2, 3, 4]


async def test_what_is_dealt_is_dealt_to_nobody_else_until_it_is_done() -> None:
    board = Board()
    board.tasks[AGENT] = list(TASKS[:3])
    async with open_lease_dispatcher(board.find) as dispatcher:
        first = await ask(dispatcher, 0, 2)
        second = await ask(dispatcher, 0, 9)
        nothing = await ask(dispatcher, 0, 9)
        dispatcher.done(first)
        again = await ask(dispatcher, 0, 9)

    assert [candidate.task_id for candidate in (*first, *second)] == list(TASKS[:3])
    assert nothing == []
    assert again == first


async def test_what_was_dealt_to_a_call_that_was_cancelled_comes_back() -> None:
    board = Board()
    board.tasks[AGENT] = [TASKS[0]]
    async with open_lease_dispatcher(board.find) as dispatcher:
        for pauses in range(12):
            # Cancelled after one step more each time: before, at, and after the moment when it is answered.
            asking = asyncio.create_task(ask(dispatcher))
            for _ in range(pauses):
                await asyncio.sleep(0)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                dispatcher.done(await asking)
            taken = await asyncio.wait_for(ask(dispatcher), 10)
            assert [candidate.task_id for candidate in taken] == [TASKS[0]]
            dispatcher.done(taken)


async def test_what_is_given_back_is_dealt_to_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("command_api.services.lease_dispatcher._LOOK_AGAIN_SECONDS", 600)
    board = Board()
    board.tasks[AGENT] = [TASKS[0]]
    async with open_lease_dispatcher(board.find) as dispatcher:
        gone = await ask(dispatcher)
        looks = board.looks
        next_one = asyncio.create_task(ask(dispatcher))
        await poll_until(lambda: board.looks > looks)

        dispatcher.give_back(gone)

        assert await asyncio.wait_for(next_one, 10) == gone


async def test_whoever_hangs_up_while_waiting_is_dealt_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("command_api.services.lease_dispatcher._LOOK_AGAIN_SECONDS", 600)
    board = Board()
    hung_up = asyncio.Event()

    async def over() -> None:
        await hung_up.wait()

    async with open_lease_dispatcher(board.find) as dispatcher:
        first = asyncio.create_task(dispatcher.request(Demand((AGENT,), 1), 30, over))
        await poll_until(lambda: board.looks)
        second = asyncio.create_task(ask(dispatcher))
        hung_up.set()
        assert await asyncio.wait_for(first, 10) == []

        board.tasks[AGENT] = [TASKS[0]]
        dispatcher.wake()

        assert [candidate.task_id for candidate in await asyncio.wait_for(second, 10)] == [TASKS[0]]


async def test_what_was_dealt_in_the_moment_in_which_it_was_over_comes_back() -> None:
    board = Board()

    async with open_lease_dispatcher(board.find) as dispatcher:

        async def over() -> None:
            board.tasks[AGENT] = [TASKS[0]]
            looks = board.looks
            await poll_until(lambda: board.looks > looks)

        dispatcher.done(await asyncio.wait_for(dispatcher.request(Demand((AGENT,), 1), 30, over), 20))

        assert [candidate.task_id for candidate in await ask(dispatcher, 5)] == [TASKS[0]]


async def test_a_failing_look_is_told_to_all_and_the_next_one_goes_on() -> None:
    board = Board()

    async def fail() -> None:
        raise ConnectionError

    async with open_lease_dispatcher(board.find) as dispatcher:
        board.before_answer = fail
        answers = await asyncio.gather(*(ask(dispatcher) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ConnectionError] * 3

        board.before_answer = None
        board.tasks[AGENT] = [TASKS[0]]
        assert len(await ask(dispatcher)) == 1


async def test_no_place_of_an_agent_is_dealt_twice_even_if_it_is_taken_while_the_database_looks() -> None:
    board = Board(limits={AGENT: 2})
    board.tasks[AGENT] = list(TASKS[:9])
    async with open_lease_dispatcher(board.find) as dispatcher:
        (first,) = await ask(dispatcher, 0)

        async def commit_meanwhile() -> None:
            # The look does not see the lease yet, but it is committed before the look is over.
            assert first.slot is not None
            board.used = (first.slot,)
            dispatcher.done([first])

        board.before_answer = commit_meanwhile
        (second,) = await ask(dispatcher, 0, 5)
        board.before_answer = None
        third = await ask(dispatcher, 0, 5)

    assert {first.slot, second.slot} == {0, 1}
    assert third == []


async def test_agents_take_turns_from_look_to_look() -> None:
    board = Board()
    board.tasks = {AGENT: list(TASKS[:50]), OTHER: list(TASKS[50:60])}
    async with open_lease_dispatcher(board.find) as dispatcher:
        agents = [(await ask(dispatcher, 0, 1, AGENT, OTHER))[0].agent_id for _ in range(6)]
    assert agents == [AGENT, OTHER] * 3
