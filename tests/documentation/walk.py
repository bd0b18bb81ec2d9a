"""Makes the calls that a page shows, in their order: variables get values, and people and tasks appear."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from infrastructure.identifiers import new_id
from tests.client.service import Service, store_key
from tests.documentation.shown import Call

__all__ = ["Walk"]

_ENDS = {"complete", "fail", "reject", "acknowledge-cancel"}
"""After these the worker has its task no more."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One reader of a page. `names` is what its variables stand for, `made` are the calls that succeeded."""

    service: Service
    shown: Sequence[Call]
    names: dict[str, str] = field(default_factory=dict)
    made: list[Call] = field(default_factory=list)

    async def go(self) -> None:
        """Make all calls, each where a worker or a person would; every one must succeed."""
        for call in self.shown:
            verb = call.path.partition("?")[0].rpartition("/")[2]
            if "$TASK" in call.path and "TASK" not in self.names:
                await self._take_task()
            if verb == "acknowledge-cancel":
                await self.make(Call("POST", "/tasks/$TASK/cancel", {}, None))
            if verb == "decision":
                await self._decide(call)
            else:
                await self.make(call)
            if verb in _ENDS:
                del self.names["TASK"]

    async def make(self, call: Call, key: str = "") -> Any:  # noqa: ANN401 - any answer
        """Make one call and return its answer; what it says of ids and tokens is kept."""
        headers = {name: self._fill(value) for name, value in call.headers.items()}
        if headers.pop("$LEASE", None) is not None:
            headers["Lease-Token"] = self.names["LEASE"]
        headers |= {"Authorization": f"Bearer {key or self.service.api_key}", "Content-Type": "application/json"}
        url = f"{self.service.command_url}/api/v1{self._fill(call.path)}"
        content = None if call.body is None else self._fill(call.body)
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.request(call.method, url, headers=headers, content=content)
        assert answer.is_success, (call, answer.text)
        self._learn(answer.json())
        self.made.append(call)
        return answer.json()

    def _fill(self, text: str) -> str:
        """Return what a page shows with values in place of its variables and abbreviations."""
        text = re.sub(r'"[0-9a-f]{4}…"', f'"{new_id()}"', text).removesuffix("&cursor=$NEXT")
        text = self.names.get("TOKEN", "") if re.fullmatch(r"\d+\.\d+:\d+", text) else text
        return re.sub(r"\$([A-Z]+)", lambda match: self.names.get(match[1], ""), text)

    def _learn(self, answer: dict[str, Any]) -> None:
        self.names["TOKEN"] = answer.get("consistency") or self.names.get("TOKEN", "")
        for lease in answer.get("data", []):
            if "lease_token" in lease:
                self.names.update(TASK=lease["task_id"], LEASE=lease["lease_token"])
        for name in ("agent", "approval", "budget"):
            if answer.get(f"{name}_id"):
                self.names[name.upper()] = answer[f"{name}_id"]

    async def _take_task(self) -> None:
        """Submit another task and lease it, as the page does."""
        for path in ("/tasks", "/leases"):
            await self.make(next(call for call in self.shown if call.path == path))

    async def _decide(self, call: Call) -> None:
        """Have two people decide, as the page's rule wants it."""
        decisions = []
        for name in ("ada", "grace"):
            key = await store_key(self.service.database_url, name, ["finance"])
            decisions.append((await self.make(call, key))["status"])
        assert decisions == ["pending", "approved"]
