"""The floor of the commands: bare FastAPI and asyncpg, which send the same statements with ready-made arguments.

POST /save is the one call that commits a submitted task; POST /load-and-save is the load before it as well. No
validation, no key check, no rules: what is left is the framework, the driver and the database.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Request, Response

from contracts.streams import shard_of
from infrastructure.identifiers import new_id
from infrastructure.postgres import open_pool
from infrastructure.write_statements import LOAD_STATEMENT, SAVE_STATEMENT
from infrastructure.write_store import AggregateChange, CommandKey, EventRecord, MessageRecord, Write, written_columns

__all__ = ["bare_write", "create_application"]

_ENVELOPE, _STATE, _MESSAGE, _RESULT = (
    b"e" * 900,
    '{"kind": "bare", "padding": "' + "s" * 380 + '"}',
    b"m" * 160,
    b"r" * 200,
)


def bare_write(shards: int) -> Write:
    """Return what one submitted task writes: one aggregate, one message, one event."""
    task_id = new_id()
    shard = shard_of(task_id, shards)
    return Write(
        key=CommandKey("default", "bench", str(new_id())),
        fingerprint=b"f" * 32,
        result=_RESULT,
        changes=[AggregateChange(task_id, "task", 0, 1, _STATE)],
        messages=[MessageRecord(task_id, 1, _MESSAGE)],
        events=[EventRecord(shard, new_id(), "task.submitted", "task", task_id, 1, task_id, _ENVELOPE)],
        shards=frozenset({shard}),
    )


def create_application(database_url: str, agent_id: UUID, shards: int = 16) -> FastAPI:
    """Return the application; `agent_id` is what /load-and-save loads."""
    wanted = (
        '[{"n": 0, "workspace_id": "default", "principal": "bench", "key": "%s",'
        f' "ids": ["{agent_id}"], "names": [], "has_messages": false}}]'
    )

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(database_url, size=6, application_name="bare endpoint")
        application.state.pool = pool
        yield
        await pool.close()

    application = FastAPI(lifespan=lifespan, openapi_url=None)

    @application.post("/save", status_code=201)
    async def save(request: Request) -> Response:
        await request.body()
        await request.app.state.pool.fetchrow(SAVE_STATEMENT, *written_columns([bare_write(shards)]))
        return Response(_RESULT, status_code=201)

    @application.post("/load-and-save", status_code=201)
    async def load_and_save(request: Request) -> Response:
        await request.body()
        pool = request.app.state.pool
        await pool.fetch(LOAD_STATEMENT, wanted % new_id())
        await pool.fetchrow(SAVE_STATEMENT, *written_columns([bare_write(shards)]))
        return Response(_RESULT, status_code=201)

    return application


if __name__ == "__main__":
    uvicorn.run(
        create_application(sys.argv[2], UUID(sys.argv[3])),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
    )
