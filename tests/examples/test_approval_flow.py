"""The agent that asks before it does dangerous things, without a service."""

import pytest

from client import ApprovalStatus, run_handler
from examples.approval_flow import POLICY, tidy_up
from examples.approval_flow.__main__ import main


@pytest.mark.parametrize(
    ("text", "status", "result"),
    [
        ("drop orders", "approved", "Did database.drop on orders (approved)."),
        ("drop orders", "refused", "Left orders alone: the approval was refused."),
        ("flush sessions", "expired", "Left sessions alone: the approval was expired."),
        ("look orders", "not_required", "Did database.look on orders (not required)."),
    ],
)
async def test_the_agent_does_only_what_it_may(text: str, status: ApprovalStatus, result: str) -> None:
    run = await run_handler(tidy_up, text, decisions=[status])
    assert run.result is not None
    assert run.result.text == result
    (operation,) = run.operations
    assert (operation.arguments, operation.is_used) == ({"name": text.split()[1]}, status == "approved")


async def test_a_task_in_other_words_fails_without_asking_anybody() -> None:
    run = await run_handler(tidy_up, "destroy everything at once")
    assert run.failure is not None
    assert (run.failure.code, run.operations) == ("bad_input", ())


def test_dropping_needs_two_and_flushing_one() -> None:
    drop, flush = POLICY.approvals
    assert (drop.required, flush.required) == (2, 1)


def test_the_story_says_which_keys_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADA_API_KEY", raising=False)
    assert main([]) == 1
    assert "ADA_API_KEY" in capsys.readouterr().err
