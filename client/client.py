"""The client: one object for every call of Bureau's HTTP API.

    async with BureauClient("http://127.0.0.1:8000", api_key) as client:
        receipt = await client.submit_task("log-analyst", "GET /slow 200 …")
        async for entry in client.follow(receipt.task_id):
            print(entry.type)
        task = await client.get_task(receipt.task_id)
        print(task.status.state, [artifact.name for artifact in task.artifacts])

Commands are repeated safely and reads show this client's own writes: see `connection` and `consistency`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

import httpx2

from client.agents import AgentCalls
from client.approvals import ApprovalCalls
from client.budgets import BudgetCalls
from client.connection import Connection, RetryPolicy
from client.leases import LeaseCalls
from client.submissions import SubmissionCalls
from client.tasks import TaskCalls

__all__ = ["BureauClient"]

_API_PATH = "/api/v1"


class BureauClient(AgentCalls, SubmissionCalls, TaskCalls, ApprovalCalls, BudgetCalls, LeaseCalls):
    """Every call of the API, typed; use it with `async with`, in one event loop.

    Args:
        url: Where commands go (and queries, without `query_url`), such as `http://127.0.0.1:8000`.
        api_key: The secret after `Bearer`.
        query_url: Where queries go if commands and queries are served apart.
        retries: How often and how patiently a call is repeated.
        timeout_seconds: How long one attempt may take, beside what it asks the service to wait.
        read_wait_seconds: How long (0 to 30) a read waits for this client's own writes.
        is_stale_allowed: Take older answers after that, instead of raising StaleError.
        headers: Sent with every call, such as `X-Correlation-Id` or `traceparent`.
        transport: Makes the httpx2 transport, for tests and proxies.
    """

    def __init__(  # noqa: PLR0913 - each has its reason in the docstring
        self,
        url: str,
        api_key: str,
        query_url: str | None = None,
        *,
        retries: RetryPolicy | None = None,
        timeout_seconds: float = 10.0,
        read_wait_seconds: int = 5,
        is_stale_allowed: bool = False,
        headers: Mapping[str, str] | None = None,
        transport: Callable[[], httpx2.AsyncBaseTransport] | None = None,
    ) -> None:
        self._connection = Connection(
            http=_open_http(api_key, headers or {}, transport),
            command_url=_api_url(url),
            query_url=_api_url(query_url or url),
            retries=retries or RetryPolicy(),
            timeout_seconds=timeout_seconds,
            read_wait_seconds=read_wait_seconds,
            is_stale_allowed=is_stale_allowed,
        )
        self._open_copy = partial(
            BureauClient,
            url,
            api_key,
            query_url,
            retries=retries,
            timeout_seconds=timeout_seconds,
            read_wait_seconds=read_wait_seconds,
            is_stale_allowed=is_stale_allowed,
            headers=headers,
            transport=transport,
        )

    @property
    def consistency_token(self) -> str | None:
        """What this client's reads will show at least; hand it to another client's `remember_consistency`."""
        return self._connection.memory.token

    def remember_consistency(self, token: str) -> None:
        """Let the reads of this client also show another client's writes."""
        self._connection.memory.remember(token)

    def copy(self) -> "BureauClient":
        """Return a new client of the same settings, for another event loop; the caller closes it."""
        return self._open_copy()

    async def close(self) -> None:
        """Close the connections; `async with` does it by itself."""
        await self._connection.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def _api_url(url: str) -> str:
    """Return the address of the API; raises ValueError for one that is not http or https."""
    if httpx2.URL(url).scheme not in {"http", "https"}:
        raise ValueError(f"{url!r} is no address like http://127.0.0.1:8000")
    return url.rstrip("/").removesuffix(_API_PATH) + _API_PATH


def _open_http(
    api_key: str, headers: Mapping[str, str], transport: Callable[[], httpx2.AsyncBaseTransport] | None
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json", **headers},
        transport=None if transport is None else transport(),
    )
