"""Keys, ids, paths and methods: what is judged before a command is looked at."""

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from tests.command_api.scenario import API, assert_error, bearer, nothing_written, register_agent

AGENT = {"name": "analyst"}
IDS = ("X-Request-Id", "X-Correlation-Id")


def stranger(application: FastAPI) -> httpx2.AsyncClient:
    """Return a client without a key."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application), base_url="http://bureau")


async def test_without_a_valid_key_nothing_is_done(
    application: FastAPI, store: Pool, api_key: str, subtests: pytest.Subtests
) -> None:
    prefix, key_id, secret = api_key.split("_", 2)
    revoked = new_api_key()
    await store_api_key(store, revoked, workspace_id="default", name="revoked")
    await store.execute("UPDATE write.api_keys SET revoked_at = now() WHERE name = 'revoked'")
    headers: dict[str, dict[str, str]] = {
        "no header": {},
        "empty": {"Authorization": ""},
        "no key": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": f"Basic {api_key}"},
        "no scheme": {"Authorization": api_key},
        "an unknown key": bearer(new_api_key()),
        "another secret": bearer(f"{prefix}_{key_id}_{secret[:-2]}{'AA' if secret[-2:] != 'AA' else 'BA'}"),
        "another key's id": bearer(f"{prefix}_000000000000_{secret}"),
        "a shorter key": bearer(api_key[:-1]),
        "a longer key": bearer(api_key + "A"),
        "a revoked key": bearer(revoked),
        "SQL": bearer("' OR 1=1 --"),
        "two keys": bearer(f"{api_key} {api_key}"),
    }

    async with stranger(application) as client, nothing_written(store):
        for what, header in headers.items():
            with subtests.test(what):
                response = await client.post(f"{API}/agents", json=AGENT, headers=header)
                assert_error(response, 401, "unauthenticated")
                assert response.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_is_written_in_any_case(application: FastAPI, api_key: str) -> None:
    async with stranger(application) as client:
        response = await client.post(f"{API}/agents", json=AGENT, headers={"Authorization": f"bEARER  {api_key}"})

    assert response.status_code == 201


async def test_who_has_no_key_is_not_told_what_exists_or_what_a_body_lacks(application: FastAPI) -> None:
    async with stranger(application) as client:
        for path in ("/agents/none/pause", "/tasks/01a1ff4e-7a00-7000-8000-00000000000b/cancel", "/tasks", "/leases"):
            assert_error(await client.post(f"{API}{path}", json={}), 401, "unauthenticated")


async def test_ids_are_returned_as_they_came(command_client: httpx2.AsyncClient) -> None:
    for ids in (("r" * 128, "c-1"), ("!~", '{"a":1}')):
        response = await command_client.post(f"{API}/agents", json={}, headers=dict(zip(IDS, ids, strict=True)))

        assert_error(response, 422, "invalid_request")
        assert tuple(response.headers[name] for name in IDS) == ids


async def test_ids_are_made_where_none_came(command_client: httpx2.AsyncClient, application: FastAPI) -> None:
    responses = [
        await command_client.post(f"{API}/agents", json=AGENT),
        await command_client.post(f"{API}/agents", json=AGENT),
        await command_client.get("/nowhere"),
        await command_client.get("/health"),
        await command_client.get("/ready"),
        await command_client.get("/openapi.json"),
    ]
    async with stranger(application) as client:
        responses.append(await client.post(f"{API}/agents", json=AGENT))

    assert [response.status_code for response in responses] == [201, 409, 404, 200, 200, 200, 401]
    assert all(response.headers["x-correlation-id"] == response.headers["x-request-id"] for response in responses)
    assert len({response.headers["x-request-id"] for response in responses}) == len(responses)


async def test_a_request_id_serves_as_correlation_id_where_none_came(command_client: httpx2.AsyncClient) -> None:
    response = await command_client.post(f"{API}/agents", json=AGENT, headers={"X-Request-Id": "r-1"})

    assert response.headers["x-correlation-id"] == "r-1"


async def test_an_id_that_is_none_is_refused_and_not_returned(command_client: httpx2.AsyncClient, store: Pool) -> None:
    async with nothing_written(store):
        for name in IDS:
            for value in (b"", b"a b", b"x" * 129, b"\xfc", b"a\x7f", b"a\tb"):
                response = await command_client.post(
                    f"{API}/agents", json=AGENT, headers=[(name.encode(), value), (b"X-Ignored", b"1")]
                )
                assert_error(response, 400, "invalid_header", path=f"header.{name.lower()}")
                assert response.headers[name] != value.decode("latin-1")


async def test_an_idempotency_key_that_is_none_is_refused(command_client: httpx2.AsyncClient, store: Pool) -> None:
    async with nothing_written(store):
        for value in (b"", b'""', b'"a', b'a"', b'"a"b"', b"a b", b'"\\x"', b'"' + b"x" * 256 + b'"', b'"\xfc"'):
            response = await command_client.post(
                f"{API}/agents", json=AGENT, headers=[(b"Idempotency-Key", value), (b"X-Ignored", b"1")]
            )
            assert_error(response, 400, "invalid_header", path="header.idempotency-key")


async def test_a_path_that_does_not_exist_is_not_found(command_client: httpx2.AsyncClient) -> None:
    for path in ("/", "/api", API, f"{API}/agent", f"{API}/agents/", f"{API}/agents/x/y/z", "/api/v2/agents", "/%00"):
        assert_error(await command_client.post(path, json={}), 404, "not_found")


async def test_a_method_that_a_path_does_not_take_is_told_which_it_takes(command_client: httpx2.AsyncClient) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    for method, path, allowed in [
        ("PUT", "/agents", "POST"),
        ("DELETE", f"/agents/{agent_id}", "PATCH"),
        ("GET", "/leases", "POST"),
        ("OPTIONS", "/tasks", "POST"),
    ]:
        response = await command_client.request(method, f"{API}{path}")
        assert_error(response, 405, "method_not_allowed")
        assert response.headers["allow"] == allowed
