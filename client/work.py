"""Doing one leased task: run the handler under heartbeats, and report how it ended."""

import asyncio
import logging

from client.client import BureauClient
from client.content import agent_message, clean_text
from client.errors import BureauError, InvalidRequestError
from client.handlers import Handler, TaskFailedError, invoke_handler
from client.heartbeats import Heartbeats, keep_lease
from client.records import Lease
from client.task_context import TaskContext

__all__ = ["do_task"]

_REASON_LENGTH = 1000
_logger = logging.getLogger(__name__)


async def do_task(client: BureauClient, handler: Handler, lease: Lease, heartbeats: Heartbeats) -> None:
    """Do one task to its end; raises nothing but CancelledError, so that one task can't stop the worker."""
    task = TaskContext(lease, client)
    working = asyncio.current_task()

    def stop_handler(reason: str) -> None:
        if working is None or task.is_done:
            return
        _logger.info("Task %s is taken away: %s", lease.task_id, reason)
        task.is_canceled = True
        working.cancel()

    try:
        with keep_lease(heartbeats, lease, stop_handler):
            await _run_and_report(client, task, handler)
    except asyncio.CancelledError:
        if not task.is_canceled:
            raise
    except BureauError as error:
        _logger.warning("The end of task %s could not be reported: %s", lease.task_id, error)
    except Exception:
        _logger.exception("The end of task %s could not be reported", lease.task_id)


async def _run_and_report(client: BureauClient, task: TaskContext, handler: Handler) -> None:
    """Complete or fail the task; report nothing once it is taken away, for that is no longer this worker's task."""
    try:
        result = await invoke_handler(handler, task)
        message = task.answer if result is None else agent_message(result)
        if not task.is_canceled:
            task.is_done = True
            await client.complete_task(task.lease, message=message, usage=await task.take_usage())
    except TaskFailedError as error:
        await _fail(client, task, error.code, error.reason)
    except Exception as error:
        if task.is_canceled:
            return
        if task.is_done and not isinstance(error, InvalidRequestError | ValueError):
            raise  # completing failed, and not because of what the handler returned
        _logger.exception("The handler of task %s failed", task.lease.task_id)
        await _fail(client, task, "handler_error", f"The handler raised {type(error).__name__}.")


async def _fail(client: BureauClient, task: TaskContext, code: str, reason: str) -> None:
    if task.is_canceled:
        return
    task.is_done = True
    reason = clean_text(reason)[:_REASON_LENGTH] or "no reason given"
    await client.fail_task(task.lease, code=code, reason=reason, usage=await task.take_usage())
