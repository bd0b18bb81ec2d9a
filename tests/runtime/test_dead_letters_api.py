"""Dead letters over HTTP: who may see them and ask for something, and what comes of it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from asgi_lifespan import LifespanManager
from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from bureau.local.combined import create_combined_application
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool, open_pool
from infrastructure.settings import Settings
from query_api.dead_letters import DeadLetterView, DeadLetterWithEvents
from query_api.pages import Page
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.faulty import Fault, start_broken_projectors
from tests.projectors.poison import long_story
from tests.projectors.stories import Written, write

SHARD = 5


@dataclass(frozen=True, slots=True)
class Api:
    """The service on one port, with a key of an operator, one of anybody and one of another workspace."""

    client: AsyncClient
    keys: Mapping[str, str]
    pool: Pool

    async def get(self, path: str, who: str = "operator", **parameters: str) -> Response:
        return await self.client.get(f"/api/v1{path}", headers=self._headers(who), params=parameters)

    async def post(self, path: str, body: Any = None, who: str = "operator", key: str | None = None) -> Response:  # noqa: ANN401 - any JSON
        headers = self._headers(who) | ({"Idempotency-Key": f'"{key}"'} if key else {})
        return await self.client.post(f"/api/v1{path}", json={} if body is None else body, headers=headers)

    def _headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}"}


@asynccontextmanager
async def open_api(database_url: str, redis_url: str) -> AsyncIterator[Api]:
    pool = await open_pool(database_url, size=2, application_name="dead letters test")
    keys = {"operator": new_api_key(), "anybody": new_api_key(), "elsewhere": new_api_key()}
    for name, key in keys.items():
        workspace = "elsewhere" if name == "elsewhere" else "default"
        roles = [] if name == "anybody" else ["operator"]
        await store_api_key(pool, key, workspace_id=workspace, name=name, roles=roles)
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr("s" * 32)
    )
    async with (
        LifespanManager(create_combined_application(settings)) as manager,
        AsyncClient(transport=ASGITransport(manager.app), base_url="http://bureau") as client,
    ):
        yield Api(client, keys, pool)
    await pool.close()


@pytest.fixture
async def api(database_url: str, redis_url: str) -> AsyncIterator[Api]:
    async with open_api(database_url, redis_url) as opened:
        yield opened


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def park(api: Api, fault: Fault, stories: list[list[Written]]) -> list[dict[str, Any]]:
    fault.event_ids.update(story[2].event_id for story in stories)
    for story in stories:
        await write(api.pool, story)
    await poll_until(lambda: has_applied_everything(api.pool))
    answer = await api.get("/dead-letters")
    assert answer.status_code == 200, answer.text
    letters: list[dict[str, Any]] = answer.json()["data"]
    return letters


async def test_dead_letters_are_listed_shown_retried_and_skipped(api: Api, database_url: str, redis_url: str) -> None:
    fault, randomness = Fault(), Random(20261122)
    stories = [long_story(randomness, SHARD, 6) for _ in range(3)]
    async with start_broken_projectors(database_url, redis_url, fault):
        letters = await park(api, fault, stories)
        assert {letter["root_id"] for letter in letters} == {str(story[0].root) for story in stories}
        first = (await api.get("/dead-letters", limit="2")).json()
        rest = (await api.get("/dead-letters", limit="2", cursor=first["next_cursor"])).json()
        assert [first["has_more"], rest["has_more"]] == [True, False]
        assert first["data"] + rest["data"] == letters
        Page[DeadLetterView].model_validate_json(json.dumps(first))
        whole = await api.get(f"/dead-letters/{letters[0]['dead_letter_id']}")
        shown = DeadLetterWithEvents.model_validate_json(whole.content)
        assert [event.generation for event in shown.waiting] == list(range(3, 3 + shown.events))

        skipped = await api.post(
            f"/dead-letters/{letters[0]['dead_letter_id']}/skip", {"event_id": letters[0]["event_id"]}, key="once"
        )
        assert (skipped.status_code, skipped.json()["outcome"]) == (200, "released")
        again = await api.post(
            f"/dead-letters/{letters[0]['dead_letter_id']}/skip", {"event_id": letters[0]["event_id"]}, key="once"
        )
        assert again.json() == skipped.json()
        other = await api.post(f"/dead-letters/{letters[1]['dead_letter_id']}/retry", key="once")
        assert code(other) == (422, "idempotency_key_reused")
        failed = await api.post(f"/dead-letters/{letters[1]['dead_letter_id']}/retry")
        assert (failed.json()["outcome"], "cannot take" in failed.json()["error"]) == ("failed_again", True)
        fault.event_ids.clear()
        for letter in letters[1:]:
            retried = await api.post(f"/dead-letters/{letter['dead_letter_id']}/retry")
            assert retried.json()["outcome"] == "released"
    assert (await api.get("/dead-letters")).json() == {"data": [], "next_cursor": None, "has_more": False}
    gone = await api.post(f"/dead-letters/{letters[1]['dead_letter_id']}/retry")
    assert code(gone) == (404, "dead_letter_not_found")
    assert await find_unfolded(api.pool) == []  # what was skipped is no difference


async def test_only_operators_of_the_workspace_see_and_touch_them(api: Api, database_url: str, redis_url: str) -> None:
    fault, story = Fault(), long_story(Random(20261122), SHARD, 6)
    async with start_broken_projectors(database_url, redis_url, fault):
        [letter] = await park(api, fault, [story])
    path = f"/dead-letters/{letter['dead_letter_id']}"
    for answer in (
        await api.get("/dead-letters", who="anybody"),
        await api.get(path, who="anybody"),
        await api.post(f"{path}/retry", who="anybody"),
        await api.post(f"{path}/skip", {"event_id": letter["event_id"]}, who="anybody"),
    ):
        assert code(answer) == (403, "forbidden")
    assert (await api.get("/dead-letters", who="elsewhere")).json()["data"] == []
    for answer in (await api.get(path, who="elsewhere"), await api.post(f"{path}/retry", who="elsewhere")):
        assert code(answer) == (404, "dead_letter_not_found")
    assert code(await api.get("/dead-letters", colour="red")) == (422, "invalid_request")
    assert code(await api.get("/dead-letters", projection="\0")) == (422, "invalid_request")
    assert code(await api.get("/dead-letters", cursor="nonsense")) == (422, "invalid_cursor")
    assert code(await api.get(f"/dead-letters/{new_id()}")) == (404, "dead_letter_not_found")
