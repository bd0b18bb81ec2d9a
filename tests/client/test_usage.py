"""What a handler used counts once, whatever happens to its reports, against the fake of the protocol."""

import pytest

from client import LeaseLostError, TaskContext, TransportError, UnavailableError
from tests.client.fake_service import FakeService, Fault
from tests.client.test_worker import ended, submit, working
from tests.polling import poll_until


def keys(service: FakeService, verb: str) -> list[str]:
    """Return the keys of a verb's calls, each once, in their order."""
    return list(dict.fromkeys(seen.headers["idempotency-key"] for seen in service.calls(verb)))


def counted(service: FakeService, task_id: str) -> list[object]:
    """Return the usage that the service took, report by report."""
    return [entry["data"]["usage"] for entry in service.tasks[task_id] if "usage" in entry["data"]]


async def test_usage_whose_report_found_no_service_counts_once_before_anything_else_is_said() -> None:
    service = FakeService()

    async def spend(task: TaskContext) -> None:
        service.faults.extend([Fault(503, "unavailable")] * 4)
        with pytest.raises(UnavailableError):
            await task.report_usage(tool_calls=7)
        await task.progress(0.5)

    task_id = await submit(service)
    async with working(service, spend):
        assert await ended(service, task_id) == ["task.progressed", "task.progressed", "task.completed"]
    assert [entry["data"] for entry in service.tasks[task_id][2:4]] == [{"usage": {"tool_calls": 7}}, {"fraction": 0.5}]


@pytest.mark.parametrize("ending", ["progress", "complete"])
async def test_usage_counts_once_where_every_answer_to_its_report_was_lost(ending: str) -> None:
    service = FakeService()

    async def spend(task: TaskContext) -> None:
        service.lost_answers.extend(["connection reset"] * 4)
        with pytest.raises(TransportError):
            await task.report_usage(tool_calls=7)
        if ending == "progress":
            await task.progress(0.5)

    task_id = await submit(service)
    async with working(service, spend):
        assert (await ended(service, task_id))[-1] == "task.completed"
    assert counted(service, task_id) == [{"tool_calls": 7}]
    assert len(keys(service, "progress")) == (2 if ending == "progress" else 1)


async def test_usage_counts_once_where_a_cancellation_meets_the_answer_to_its_report() -> None:
    service = FakeService(lease_seconds=1, mute={"progress"})

    async def spend(task: TaskContext) -> None:
        await task.report_usage(tool_calls=7)

    task_id = await submit(service)
    async with working(service, spend):
        await poll_until(lambda: service.calls("progress"))
        service.refusals["heartbeat"] = Fault(409, "task_canceled")
        await poll_until(lambda: service.calls("acknowledge-cancel"))
    assert len(keys(service, "progress")) == 1
    assert counted(service, task_id) == [{"tool_calls": 7}]
    assert [seen.body for seen in service.calls("acknowledge-cancel")] == [{}]


async def test_usage_that_a_cancellation_kept_from_counting_goes_with_the_acknowledgement() -> None:
    service = FakeService(lease_seconds=1, mute={"progress"})

    async def spend(task: TaskContext) -> None:
        await task.report_usage(tool_calls=7)

    task_id = await submit(service)
    async with working(service, spend):
        await poll_until(lambda: service.calls("progress"))
        del service.tasks[task_id][-1]  # the report came after the cancellation
        service.receipts.clear()
        service.refusals.update(dict.fromkeys(("heartbeat", "progress"), Fault(409, "task_canceled")))
        await poll_until(lambda: service.calls("acknowledge-cancel"))
    assert counted(service, task_id) == []
    assert [seen.body for seen in service.calls("acknowledge-cancel")] == [{"usage": {"tool_calls": 7}}]


async def test_usage_that_was_refused_is_reported_anew_and_what_can_not_be_said_does_not_lose_it() -> None:
    service = FakeService(refusals={"progress": Fault(409, "worker_messages_too_large")})

    async def spend(task: TaskContext) -> None:
        task.usage(tool_calls=7)
        with pytest.raises(Exception, match="too_large"):
            await task.progress(text="much")
        service.refusals.clear()
        with pytest.raises(ValueError, match="surrogates"):
            await task.artifact("\ud800")
        await task.progress(0.5)

    task_id = await submit(service)
    async with working(service, spend):
        await ended(service, task_id)
    assert counted(service, task_id) == [{"tool_calls": 7}]
    assert len(keys(service, "progress")) == 2


async def test_usage_is_asked_for_no_more_once_the_lease_is_lost() -> None:
    service = FakeService()

    async def spend(task: TaskContext) -> None:
        service.lost_answers.extend(["connection reset"] * 4)
        with pytest.raises(TransportError):
            await task.report_usage(tool_calls=7)
        service.refusals["progress"] = Fault(409, "lease_lost")
        service.receipts.clear()
        with pytest.raises(LeaseLostError):
            await task.progress(0.5)

    task_id = await submit(service)
    async with working(service, spend):
        await poll_until(lambda: len(keys(service, "progress")) == 2)
        await submit(service)
        await poll_until(lambda: len(service.calls("leases")) > 2, what="the worker to go on")
    assert not service.calls("complete")
    assert service.state(task_id) == "working"
