"""Every call of the API that a page shows is made, in its order, to a whole service on real servers, and succeeds."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client.service import Service, open_service
from tests.documentation.shown import PAGES, Call, calls
from tests.documentation.walk import Walk


@pytest.fixture
async def service(database_url: str, redis_url: str) -> AsyncIterator[Service]:
    async with open_service(database_url, redis_url, is_on_one_port=True) as opened:
        yield opened


@pytest.mark.skipif(shutil.which("curl") is None, reason="the calls need curl")
async def test_the_five_calls_of_the_readme_lead_from_a_new_agent_to_a_finished_task(
    service: Service, tmp_path: Path
) -> None:
    (script,) = re.findall(r"```bash\n(.*?)```", PAGES["README.md"], flags=re.DOTALL)
    (tmp_path / ".bureau").mkdir()
    (tmp_path / ".bureau" / "api_key").write_text(service.api_key, encoding="utf-8")
    script = f"set -euo pipefail\n{script.replace('http://127.0.0.1:8000', service.command_url)}"
    told = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    answers, complaints = await told.communicate()
    assert (told.returncode, complaints) == (0, b""), answers
    *receipts, task = map(json.loads, answers.splitlines())
    assert len(receipts) == script.count("\n# ") - 1
    assert not any("error" in receipt for receipt in receipts)
    assert task["status"]["state"] == "completed"
    assert task["status"]["message"]["parts"] == [{"text": "Hello, Ada!"}]


async def test_the_calls_of_a_worker_succeed_in_their_order(service: Service) -> None:
    walk = Walk(service, list(calls(PAGES["workers.md"])))
    await walk.go()
    assert len(walk.made) > len(walk.shown) > 20


async def test_the_other_calls_that_are_shown_succeed(service: Service) -> None:
    others = [call for page, text in PAGES.items() if page != "workers.md" for call in calls(text)]
    assert len(others) >= 5
    start = [
        Call("POST", "/agents", {}, json.dumps({"name": "log-analyst"})),
        next(call for call in others if call.path == "/tasks" and call.method == "POST"),
        Call("POST", "/leases", {}, json.dumps({"agents": ["log-analyst"], "worker": "reader"})),
    ]
    walk = Walk(service, [*start, *others])
    await walk.go()
    assert walk.made == walk.shown
