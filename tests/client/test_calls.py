"""Calls, errors, retries, tokens, pages and following, against the fake of the protocol."""

import asyncio
from collections import deque
from functools import partial
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import client
from client import (
    AgentCard,
    AgentNameTakenError,
    ApiError,
    BureauClient,
    BureauError,
    ConsistencyLostError,
    InvalidRequestError,
    LeaseLostError,
    NotFoundError,
    Part,
    RateLimitedError,
    ServiceError,
    StaleError,
    TransportError,
    UnavailableError,
    UnexpectedAnswerError,
    clean_text,
    file_part,
    user_message,
)
from client.consistency import merge_tokens
from client.errors import make_api_error
from tests.client.fake_service import FakeService, Fault, open_client
from tests.polling import poll_until

UNAVAILABLE = Fault(503, "unavailable")


async def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_does_nothing_twice() -> None:
    service = FakeService(lost_answers=["connection reset"] * 2)
    async with open_client(service) as bureau:
        receipt = await bureau.submit_task("a", "hello")
    keys = {seen.headers["idempotency-key"] for seen in service.seen}
    assert (len(service.seen), len(keys), list(service.tasks)) == (3, 1, [str(receipt.task_id)])
    assert keys.pop().startswith('"')


async def test_two_commands_have_different_keys_and_a_given_key_is_kept() -> None:
    service = FakeService()
    async with open_client(service) as bureau:
        for key in (None, None, "order-7"):
            await bureau.submit_task("a", "hello", idempotency_key=key)
    keys = [seen.headers["idempotency-key"] for seen in service.seen]
    assert len(set(keys)) == 3
    assert keys[2] == '"order-7"'


async def test_what_may_pass_is_tried_again_and_what_cannot_is_not() -> None:
    service = FakeService(faults=deque([UNAVAILABLE, Fault(429, "rate_limited", {"Retry-After": "0"})]))
    async with open_client(service) as bureau:
        await bureau.register_agent("a")
        assert len(service.seen) == 3
        with pytest.raises(AgentNameTakenError):
            await bureau.register_agent("a")
    assert len(service.seen) == 4


async def test_retries_are_bounded_and_a_far_retry_after_is_not_waited_for() -> None:
    service = FakeService(faults=deque([UNAVAILABLE] * 9))
    async with open_client(service) as bureau:
        with pytest.raises(UnavailableError):
            await bureau.submit_task("a", "hello")
        assert len(service.seen) == 4
        service.faults.clear()
        service.faults.append(Fault(429, "rate_limited", {"Retry-After": "3600"}))
        with pytest.raises(RateLimitedError) as refused:
            await bureau.submit_task("a", "hello")
    assert refused.value.retry_after == 3600
    assert len(service.seen) == 5


async def test_a_service_that_is_not_there_is_a_transport_error() -> None:
    service = FakeService(lost_answers=["connection reset"] * 99)
    async with open_client(service) as bureau:
        with pytest.raises(TransportError, match="connection reset") as failed:
            await bureau.submit_task("a", "hello")
    assert failed.value.is_retryable


async def test_an_error_says_code_fields_and_request() -> None:
    service = FakeService(faults=deque([Fault(422, "invalid_request")]))
    async with open_client(service) as bureau:
        with pytest.raises(InvalidRequestError) as refused:
            await bureau.register_agent("?")
    error = refused.value
    assert (error.status, error.code, error.request_id, error.is_retryable) == (422, "invalid_request", "r-1", False)
    assert error.details[0].path == "body.name"
    assert str(error) == "422 invalid_request: no (body.name: bad) [request r-1]"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "lease_lost", LeaseLostError),
        (503, "stale", StaleError),
        (404, "task_not_found", NotFoundError),
        (500, "internal", ServiceError),
        (418, "new_code", InvalidRequestError),
    ],
)
def test_each_answer_becomes_its_place_in_the_tree(status: int, code: str, kind: type[ApiError]) -> None:
    content = f'{{"error": {{"code": "{code}", "message": "m", "new_field": 1}}}}'.encode()
    assert type(make_api_error(status, content)) is kind


@given(st.integers(400, 599), st.binary(max_size=300))
def test_no_body_of_an_error_answer_breaks_the_client(status: int, content: bytes) -> None:
    error = make_api_error(status, content)
    assert error.status == status
    assert str(error)


async def test_an_answer_that_is_not_the_services_is_said_so() -> None:
    def transport() -> httpx2.AsyncBaseTransport:
        return httpx2.MockTransport(lambda _: httpx2.Response(200, text="<html>welcome</html>"))

    async with BureauClient("http://elsewhere", "key", transport=transport) as bureau:
        with pytest.raises(UnexpectedAnswerError, match="elsewhere"):
            await bureau.get_agent(UUID(int=7))


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", ""])
def test_an_address_that_cannot_work_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no address like"):
        BureauClient(url, "key")


async def test_reads_ask_for_all_own_writes_and_go_to_their_own_address() -> None:
    service = FakeService()
    async with open_client(service, query_url="http://queries/api/v1/") as bureau:
        await bureau.list_agents()
        first = await bureau.submit_task("a", "one")
        second = await bureau.submit_task("a", "two")
        await bureau.list_agents(status="active", limit=2)
    assert "bureau-consistency" not in service.seen[0].headers
    read = service.seen[-1]
    assert (first.consistency, second.consistency) == ("1.1:1", "1.2:1")
    assert read.headers["bureau-consistency"] == "1.1:1,2:1"
    assert read.headers["prefer"] == "wait=5, handling=strict"
    assert (read.headers["host"], read.parameters) == ("queries", {"status": "active", "limit": "2"})


async def test_a_lost_epoch_is_raised_once_and_then_forgotten() -> None:
    service = FakeService()
    async with open_client(service) as bureau:
        bureau.remember_consistency("1.0:5")
        service.faults.append(Fault(410, "consistency_epoch_lost"))
        with pytest.raises(ConsistencyLostError):
            await bureau.list_agents()
        assert bureau.consistency_token is None
        await bureau.list_agents()


@pytest.mark.parametrize(
    ("known", "new", "merged"),
    [
        (None, "1.0:5", "1.0:5"),
        ("1.0:5", "1.0:3", "1.0:5"),
        ("1.0:5,2:1", "1.1:7,2:9", "1.0:5,1:7,2:9"),
        ("1.0:5", "2.0:1", "2.0:1"),
        ("2.0:1", "1.0:5", "2.0:1"),
        ("1.0:5", "opaque", "opaque"),
    ],
)
def test_tokens_are_added_up_and_a_newer_epoch_wins(known: str | None, new: str, merged: str) -> None:
    assert merge_tokens(known, new) == merged


async def test_pages_are_walked_to_their_end_and_unknown_fields_are_ignored() -> None:
    service = FakeService(agents=[f"agent-{number}" for number in range(5)])
    async with open_client(service) as bureau:
        names = [agent.name async for agent in bureau.iterate_agents()]
    assert names == service.agents
    assert [seen.parameters for seen in service.seen] == [{}, {"cursor": "2"}, {"cursor": "4"}]


async def test_only_what_was_given_is_sent() -> None:
    service = FakeService()
    async with open_client(service) as bureau:
        await bureau.register_agent("a", card=AgentCard(description="d"))
        await bureau.submit_task("a", user_message("hi", Part(data=None), {"n": [1]}), priority=0)
    assert service.seen[0].body == {"name": "a", "card": {"description": "d"}}
    body = service.seen[1].body
    assert body["message"].pop("message_id")
    parts = [{"text": "hi"}, {"data": None}, {"data": {"n": [1]}, "media_type": "application/json"}]
    assert body == {"agent": "a", "priority": 0, "message": {"role": "user", "parts": parts}}


async def test_following_yields_each_change_once_and_ends_with_the_task() -> None:
    service = FakeService()
    generations: list[int] = []
    async with open_client(service) as bureau:
        receipt = await bureau.submit_task("a", "hello")
        task_id = str(receipt.task_id)

        async def follow() -> None:
            generations.extend([entry.generation async for entry in bureau.follow(UUID(task_id))])

        following = asyncio.create_task(follow())
        for event in ("started", "progressed", "progressed", "completed"):
            answered = len(service.calls("timeline"))
            await poll_until(partial(_was_asked_again, service, answered))
            service.note(task_id, event)
        await asyncio.wait_for(following, 10)
    assert generations == [1, 2, 3, 4, 5]
    assert any("if-none-match" in seen.headers for seen in service.calls("timeline"))


def _was_asked_again(service: FakeService, answered: int) -> bool:
    return len(service.calls("timeline")) > answered


async def test_following_a_task_that_does_not_exist_raises() -> None:
    async with open_client(FakeService()) as bureau:
        with pytest.raises(NotFoundError):
            await anext(bureau.follow(UUID(int=7)))


@given(st.text())
def test_cleaned_text_can_always_be_sent(text: str) -> None:
    cleaned = clean_text(text)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned


def test_a_file_part_keeps_its_bytes_and_guesses_its_type() -> None:
    part = file_part(b"\x00\xff", filename="a.csv")
    assert (part.content, part.media_type) == (b"\x00\xff", "text/csv")


def test_every_error_stands_in_the_tree_of_the_docstring() -> None:
    tree = client.errors.__doc__ or ""
    kinds = [kind for kind in vars(client).values() if isinstance(kind, type) and issubclass(kind, BureauError)]
    assert len(kinds) > 10
    assert [kind.__name__ for kind in kinds if kind.__name__ not in tree] == []
