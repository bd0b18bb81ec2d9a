"""Following a task: ask for the timeline's last page again and again, patiently, and cheaply where nothing is new."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
from pydantic import ValidationError

from client.connection import Call, Connection, send
from client.errors import UnexpectedAnswerError
from client.records import Page, TaskTimelineEntry

__all__ = ["follow_timeline"]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _PAUSE_GROWTH = 0.05, 1.0, 1.5
_PAGE_LIMIT = 100


async def follow_timeline(connection: Connection, task_id: UUID) -> AsyncIterator[TaskTimelineEntry]:
    """Yield each entry once, in order of generation, until the task has ended.

    The last page is read again with `If-None-Match`; pauses grow from 0.05 to 1 s and start again after news.
    """
    cursor: str | None = None
    entity_tag: str | None = None
    generation, pause = 0, _FIRST_PAUSE_SECONDS
    while True:
        response = await send(connection, _page_call(task_id, cursor, entity_tag))
        page = _read_page(response)
        for entry in page.data:
            if entry.generation <= generation:
                continue
            generation, pause = entry.generation, _FIRST_PAUSE_SECONDS
            yield entry
            if entry.is_last:
                return
        if page.has_more and page.next_cursor is not None:
            cursor, entity_tag = page.next_cursor, None
            continue
        entity_tag = response.headers.get("ETag", entity_tag)
        await asyncio.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)


def _page_call(task_id: UUID, cursor: str | None, entity_tag: str | None) -> Call:
    headers = {} if entity_tag is None else {"If-None-Match": entity_tag}
    parameters = {"limit": _PAGE_LIMIT, "cursor": cursor}
    return Call("GET", f"/tasks/{task_id}/timeline", parameters=parameters, headers=headers)


def _read_page(response: httpx2.Response) -> Page[TaskTimelineEntry]:
    if response.status_code == httpx2.codes.NOT_MODIFIED:
        return Page(data=())
    try:
        return Page[TaskTimelineEntry].model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswerError(f"{response.request.url} did not answer a timeline: {error}") from error
