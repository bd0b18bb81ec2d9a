"""Calls that come while others are under way go out together, the first at once; each gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from infrastructure.together import together
from tests.polling import poll_until


class OddError(Exception):
    """An odd number."""


async def test_the_first_goes_out_alone_and_what_comes_meanwhile_goes_out_together() -> None:
    batches, may_go_on = list[list[int]](), asyncio.Event()

    async def double(numbers: Sequence[int]) -> list[int | Exception]:
        batches.append(list(numbers))
        await may_go_on.wait()
        return [2 * number for number in numbers]

    one = together(double, most=3, lanes=1)
    first = asyncio.create_task(one(0))
    await poll_until(lambda: batches)
    others = [asyncio.create_task(one(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    may_go_on.set()

    assert await asyncio.gather(first, *others) == [0, 2, 4, 6, 8, 10]
    assert batches == [[0], [1, 2, 3], [4, 5]]


async def test_each_is_told_what_came_of_its_own() -> None:
    async def halve(numbers: Sequence[int]) -> list[int | Exception]:
        return [OddError() if number % 2 else number // 2 for number in numbers]

    one = together(halve, most=8, lanes=1)
    answers = await asyncio.gather(*(one(number) for number in (2, 3, 4)), return_exceptions=True)

    assert (answers[0], answers[2]) == (1, 2)
    assert isinstance(answers[1], OddError)


async def test_what_fails_as_a_whole_fails_for_all_and_the_next_goes_on() -> None:
    async def refuse_three(numbers: Sequence[int]) -> list[int | Exception]:
        if 3 in numbers:
            raise OddError
        return list(numbers)

    one = together(refuse_three, most=8, lanes=2)
    answers = await asyncio.gather(one(2), one(3), return_exceptions=True)

    assert [type(answer) for answer in answers] == [OddError, OddError]
    assert await one(4) == 4


async def test_a_call_in_the_moment_in_which_a_lane_ends_goes_out() -> None:
    async def answer(numbers: Sequence[int]) -> list[int | Exception]:
        return list(numbers)

    one = together(answer, most=8, lanes=1)
    for steps in range(6):
        first = asyncio.create_task(one(1))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert await asyncio.wait_for(one(2), 10) == 2
        assert await asyncio.wait_for(first, 10) == 1


async def test_whoever_is_cancelled_while_it_waits_is_left_out() -> None:
    batches, may_go_on = list[list[int]](), asyncio.Event()

    async def wait(numbers: Sequence[int]) -> list[int | Exception]:
        batches.append(list(numbers))
        await may_go_on.wait()
        return list(numbers)

    one = together(wait, most=8, lanes=1)
    calls = [asyncio.create_task(one(0))]
    await poll_until(lambda: batches)
    calls += [asyncio.create_task(one(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    calls[0].cancel()
    calls[1].cancel()
    may_go_on.set()

    assert await asyncio.wait_for(calls[2], 10) == 2
    assert batches == [[0], [2]]
    with pytest.raises(asyncio.CancelledError):
        await calls[0]


async def test_whoever_waits_for_a_call_that_hangs_goes_another_way_and_the_next_too() -> None:
    batches, never = list[list[int]](), asyncio.Event()

    async def hang_on_even(numbers: Sequence[int]) -> list[int | Exception]:
        batches.append(list(numbers))
        if any(number % 2 == 0 for number in numbers):
            await never.wait()
        return list(numbers)

    one = together(hang_on_even, most=1, lanes=3, patience_seconds=0.001)
    hanging = [asyncio.create_task(one(number)) for number in (0, 2)]
    async with asyncio.timeout(10):
        assert list(await asyncio.gather(one(1), one(3), one(5))) == [1, 3, 5]

    assert batches == [[0], [2], [1], [3], [5]]
    never.set()
    assert list(await asyncio.gather(*hanging)) == [0, 2]


async def test_no_other_way_is_opened_while_calls_end_in_time() -> None:
    under_way, most = 0, 0

    async def carry_out(numbers: Sequence[int]) -> list[int | Exception]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return list(numbers)

    one = together(carry_out, most=2, lanes=3, patience_seconds=60)

    assert list(await asyncio.gather(*(one(number) for number in range(40)))) == list(range(40))
    assert most == 1
