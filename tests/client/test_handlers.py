"""Handlers tried without a service, as their authors do."""

import pytest
from pydantic import BaseModel

from client import Part, TaskContext, Usage, data_part, run_handler


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
