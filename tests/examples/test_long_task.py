"""The counting of primes, without a service."""

import pytest

from client import Artifact, data_part, make_lease, run_handler
from examples.long_task import Block, Job, count_primes

JOB = Job(limit=100, blocks=4, block_seconds=0)


async def test_all_blocks_are_counted_and_handed_in() -> None:
    run = await run_handler(count_primes, JOB)
    assert [artifact.artifact_id for artifact in run.artifacts] == ["block-000", "block-001", "block-002", "block-003"]
    assert run.result is not None
    assert Block.model_validate(run.result.data).primes == 25


@pytest.mark.parametrize("done", [0, 1, 4])
async def test_a_later_attempt_goes_on_from_what_was_handed_in(done: int) -> None:
    lease = make_lease(JOB).model_copy(update={"attempt": 2})
    blocks = [Block(start=25 * number, stop=25 * number + 25, primes=7, worker_attempt=1) for number in range(done)]
    earlier = [
        Artifact(artifact_id=f"block-{number:03}", parts=(data_part(block),)) for number, block in enumerate(blocks)
    ]
    run = await run_handler(count_primes, lease, artifacts=earlier)
    attempts = [Block.model_validate(artifact.data).worker_attempt for artifact in run.artifacts]
    assert attempts == [1] * done + [2] * (4 - done)
    assert len([report for report in run.progress if "took over" in (report.text or "")]) == bool(done)
