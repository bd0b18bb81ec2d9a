"""Handlers tried without a service, as their authors do."""

import pytest
from pydantic import BaseModel

from client import Part, TaskContext, TaskRejectedError, Usage, data_part, run_handler


async def test_a_handler_can_be_tried_without_a_service() -> None:
    class Order(BaseModel):
        copies: int

    async def print_copies(task: TaskContext) -> Order:
        order = task.read(Order)
        task.usage(tool_calls=1)
        task.usage(Usage(input_tokens=9))
        await task.progress(1.0, "printed")
        await task.artifact("x" * 400_000, artifact_id="pages", name="Pages", media_type="text/plain")
        await task.artifact(b"ab", filename="a.bin")
        return Order(copies=order.copies + 1)

    run = await run_handler(print_copies, [data_part({"copies": 2})])
    assert [(report.fraction, report.text) for report in run.progress] == [(1.0, "printed")]
    pages, binary = run.artifacts
    assert (pages.name, len(pages.parts), pages.text) == ("Pages", 3, "x" * 400_000)
    assert (binary.content, binary.parts[0].filename) == (b"ab", "a.bin")
    assert [(usage.tool_calls, usage.input_tokens) for usage in run.usage] == [(1, 0), (0, 9)]
    assert run.result is not None
    assert run.result.parts == (Part(data={"copies": 3}, media_type="application/json"),)


@pytest.mark.parametrize("text", ["ä" * 200_000, "a😀" * 90_000, ""])
async def test_large_text_is_cut_between_characters(text: str) -> None:
    run = await run_handler(lambda task: task.wait(task.artifact(text)), "go")
    assert run.artifacts[0].text == text


class Choice(BaseModel):
    colour: str


async def test_answers_come_in_order_and_then_the_default() -> None:
    async def paint(task: TaskContext) -> str:
        first = await task.ask("Which colour?", schema=Choice)
        second = await task.ask("And then?", default="none")
        return f"{Choice.model_validate(first.data).colour} and {second.text}"

    run = await run_handler(paint, "a door", answers=[{"colour": "blue"}])
    assert run.result is not None
    assert run.result.text == "blue and none"
    assert [(question.text, question.schema is None) for question in run.questions] == [
        ("Which colour?", False),
        ("And then?", True),
    ]


async def test_a_question_without_a_scripted_answer_says_so() -> None:
    async def ask(task: TaskContext) -> None:
        await task.ask("Why?")

    with pytest.raises(LookupError, match=r"Why\?"):
        await run_handler(ask, "go")


async def test_a_handler_that_gives_its_lease_up_runs_again_and_asks_nothing_twice() -> None:
    runs: list[int] = []

    async def ask(task: TaskContext) -> str:
        runs.append(len(task.messages))
        heard = [message.text for message in task.take_messages()]
        answers = [await task.ask("Again?", keeps_lease=False) for _ in range(2)]
        decision = await task.approve("drop", {"n": 1}, keeps_lease=False)
        return " ".join((task.text, *heard, *(answer.text for answer in answers), decision.status))

    run = await run_handler(ask, "go", answers=["yes", "no"], decisions=["approved"], messages=["now"])
    assert run.result is not None
    assert run.result.text == "go now yes no approved"
    assert (runs, len(run.questions), len(run.operations)) == ([2, 3, 4, 5], 2, 1)


async def test_an_approval_covers_its_operation_once_and_no_other() -> None:
    async def drop(task: TaskContext) -> str:
        decisions = [await task.approve("drop", {"n": number}) for number in (1, 2, 1)]
        return " ".join(decision.status for decision in decisions)

    run = await run_handler(drop, "go", decisions=["approved", "refused", "expired"])
    assert run.result is not None
    assert run.result.text == "approved refused expired"
    assert [operation.is_used for operation in run.operations] == [True, False, False]


async def test_a_blocking_handler_asks_too() -> None:
    def paint(task: TaskContext) -> str:
        return task.wait(task.ask("Which colour?", keeps_lease=False)).text

    run = await run_handler(paint, "a door", answers=["red"])
    assert run.result is not None
    assert run.result.text == "red"


async def test_a_rejection_is_shown_by_a_trial_run() -> None:
    async def decline(_task: TaskContext) -> None:
        raise TaskRejectedError("Not for robots.")

    run = await run_handler(decline, "go")
    assert run.rejection is not None
    assert (run.rejection.reason, run.failure, run.result) == ("Not for robots.", None, None)
