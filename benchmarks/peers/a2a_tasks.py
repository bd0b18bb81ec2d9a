"""The a2a-sdk's own server: tasks sent over HTTP to an agent that completes them at once, kept in its database store.

`python FILE DATABASE_URL TASKS` prints tasks a second. One request a task: the agent works inside of the server.
"""

import asyncio
import json
import sys
from time import perf_counter
from typing import Any

import uvloop

__all__: list[str] = []

_SENDERS = 28


async def _create_application(engine: Any) -> Any:  # noqa: ANN401 - untyped, as its packages are not here
    """Return the server as the SDK's documentation puts it together, with a store in PostgreSQL."""
    # Here, for they are only in the peers' own environment.
    from a2a.helpers import new_task_from_user_message  # type: ignore[import-not-found] # noqa: PLC0415
    from a2a.server.agent_execution import AgentExecutor  # type: ignore[import-not-found] # noqa: PLC0415
    from a2a.server.request_handlers import DefaultRequestHandler  # type: ignore[import-not-found] # noqa: PLC0415
    from a2a.server.routes import create_jsonrpc_routes  # type: ignore[import-not-found] # noqa: PLC0415
    from a2a.server.tasks import DatabaseTaskStore, TaskUpdater  # type: ignore[import-not-found] # noqa: PLC0415
    from a2a.types import a2a_pb2 as types  # type: ignore[import-not-found] # noqa: PLC0415
    from starlette.applications import Starlette  # noqa: PLC0415 - as above

    class Nothing(AgentExecutor):  # type: ignore[misc] # see above
        async def execute(self, context: Any, event_queue: Any) -> None:  # noqa: ANN401 - see above
            task = new_task_from_user_message(context.message)
            await event_queue.enqueue_event(task)
            updater = TaskUpdater(event_queue, task.id, task.context_id)
            await updater.start_work()
            await updater.complete()

        async def cancel(self, context: Any, event_queue: Any) -> None:  # noqa: ANN401 - see above
            raise NotImplementedError

    store = DatabaseTaskStore(engine)
    await store.initialize()
    card = types.AgentCard(
        name="nothing",
        description="Does nothing.",
        version="1",
        supported_interfaces=[types.AgentInterface(url="/", protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=types.AgentCapabilities(),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[types.AgentSkill(id="nothing", name="nothing", description="Does nothing.", tags=["nothing"])],
    )
    handler = DefaultRequestHandler(Nothing(), store, card)
    return Starlette(routes=create_jsonrpc_routes(handler, "/"))


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> dict[str, Any]:
    """Send one message and return the answer."""
    message = {"messageId": f"m-{number}", "role": "ROLE_USER", "parts": [{"text": "Which hosts failed?"}]}
    request = {"jsonrpc": "2.0", "id": "1", "method": "SendMessage", "params": {"message": message}}
    body = json.dumps(request).encode()
    head = (
        "POST / HTTP/1.1\r\nhost: localhost\r\na2a-version: 1.0\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    told: dict[str, Any] = json.loads(await reader.readexactly(int(length)))
    return told


async def _send(port: int, share: range) -> None:
    """Send a share of the tasks, each after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in share:
        told = await _post(reader, writer, number)
        assert told["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED", told
    writer.close()


async def _run(database_url: str, tasks: int) -> float:
    import uvicorn  # noqa: PLC0415 - they are in the peers' environment
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - they are in the peers' environment

    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
    server = uvicorn.Server(uvicorn.Config(await _create_application(engine), port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    started = perf_counter()
    await asyncio.gather(*(_send(port, range(number, tasks, _SENDERS)) for number in range(_SENDERS)))
    rate = tasks / (perf_counter() - started)
    server.should_exit = True
    await serving
    await engine.dispose()
    return rate


if __name__ == "__main__":
    print(uvloop.run(_run(sys.argv[1], int(sys.argv[2]))), flush=True)
