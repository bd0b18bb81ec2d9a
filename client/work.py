"""Doing one leased task: run the handler under heartbeats, and report how it ended."""

import asyncio
import logging
from collections.abc import Sequence

from client.client import BureauClient
from client.content import Usage, agent_message, clean_text
from client.errors import BureauError, InvalidRequestError, TaskCanceledError
from client.handlers import Handler, TaskFailedError, TaskRejectedError, invoke_handler
from client.heartbeats import Heartbeats, LeaseEnd, keep_lease
from client.lease_records import Lease
from client.stopping import TaskStoppedError
from client.task_context import TaskContext

__all__ = ["do_task"]

_REASON_LENGTH = 1000
_logger = logging.getLogger(__name__)


async def do_task(client: BureauClient, handler: Handler, lease: Lease, heartbeats: Heartbeats) -> None:
    """Do one task to its end; raises nothing but CancelledError, so that one task can't stop the worker.

    A task whose handler was cancelled from outside is handed back; not after a second time, for nobody waits any more
    whether the handler has ended.
    """
    working = asyncio.current_task()
    task = TaskContext(lease, client)

    def stop_handler(end: LeaseEnd) -> None:
        task.must_acknowledge = task.must_acknowledge or end.is_canceled
        if working is None or task.is_done or task.is_canceled:
            return
        _logger.info("Task %s is taken away: %s", lease.task_id, end.reason)
        task.is_canceled = True
        working.cancel()

    try:
        with keep_lease(heartbeats, lease, task.receive, stop_handler) as hurry:
            task.hurry = hurry
            await _do_task(client, task, handler)
    except asyncio.CancelledError:
        if not task.is_canceled:
            if working is not None and working.cancelling() == 1:
                await _release(client, task)
            raise
        if working is not None:
            working.uncancel()
    if task.must_acknowledge:
        await _acknowledge(client, task)


async def _do_task(client: BureauClient, task: TaskContext, handler: Handler) -> None:
    """Run and report; what went wrong with that is logged, for nobody else could do anything about it."""
    task_id = task.lease.task_id
    try:
        await _run_and_report(client, task, handler)
    except TaskStoppedError as stopped:
        _logger.info("Task %s is left: %s", task_id, stopped)
    except TaskCanceledError:
        task.must_acknowledge = True
    except BureauError as error:
        _logger.warning("The end of task %s could not be reported: %s", task_id, error)
    except Exception:
        _logger.exception("The end of task %s could not be reported", task_id)


async def _run_and_report(client: BureauClient, task: TaskContext, handler: Handler) -> None:
    """Complete, fail or reject the task; report nothing once it is taken away, for it is no longer this worker's."""
    try:
        result = await invoke_handler(handler, task)
        message = task.answer if result is None else agent_message(result)
        if not task.is_canceled:
            task.is_done = True
            await client.complete_task(task.lease, message=message, usage=await task.last_usage())
    except TaskFailedError as error:
        await _fail(client, task, error)
    except TaskRejectedError as error:
        await _reject(client, task, error)
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever a handler raises ends its attempt
        await _fail_after(client, task, error)


async def _fail_after(client: BureauClient, task: TaskContext, error: BaseException) -> None:
    """Fail the task after an exception that the handler did not mean: another attempt may do better."""
    if task.is_canceled:
        return
    is_result_at_fault = task.is_done and isinstance(error, InvalidRequestError | ValueError)
    if not isinstance(error, Exception) or (task.is_done and not is_result_at_fault):
        raise error  # completing failed, and not because of what the handler returned
    _logger.error("The handler of task %s failed", task.lease.task_id, exc_info=error)
    reason = f"The handler raised {type(error).__name__}."
    await _fail(client, task, TaskFailedError("handler_error", reason, retryable=not is_result_at_fault))


async def _fail(client: BureauClient, task: TaskContext, error: TaskFailedError) -> None:
    if task.is_canceled:
        return
    usage = await task.last_usage()
    task.is_done = True
    await client.fail_task(
        task.lease, code=error.code, reason=_clean_reason(error.reason), usage=usage, retryable=error.retryable
    )


async def _reject(client: BureauClient, task: TaskContext, error: TaskRejectedError) -> None:
    if task.is_canceled:
        return
    usage = await task.last_usage()
    task.is_done = True
    await client.reject_task(task.lease, reason=_clean_reason(error.reason), usage=usage)


async def _release(client: BureauClient, task: TaskContext) -> None:
    """Hand the task back, and say what was used."""
    try:
        await client.release_task(task.lease, usage=await task.last_usage())
    except TaskCanceledError:
        await _acknowledge(client, task)
    except (BureauError, TaskStoppedError) as error:
        _logger.warning("Task %s could not be handed back: %s", task.lease.task_id, error)


async def _acknowledge(client: BureauClient, task: TaskContext) -> None:
    """Say that the work on a canceled task has stopped, now that it has, and what it used that nobody was told yet."""
    try:
        await task.settle_usage()
        untold: Sequence[Usage | None] = task.pending_usage or (None,)
        for usage in untold:
            await client.acknowledge_cancel(task.lease, usage=usage)
    except (BureauError, TaskStoppedError) as error:
        _logger.warning("The cancellation of task %s could not be acknowledged: %s", task.lease.task_id, error)


def _clean_reason(reason: str) -> str:
    return clean_text(reason)[:_REASON_LENGTH] or "no reason given"
