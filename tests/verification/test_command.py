"""`bureau verify` as a script runs it: its exit codes, its report, and where each of them goes."""

import json

from redis.asyncio import Redis

from contracts.streams import stream_name
from tests.runtime.command_line import bureau
from tests.servers import run_in_thread
from tests.verification.line import Line


def test_agreement_and_differences_have_their_exit_codes(line: Line, database_url: str, redis_url: str) -> None:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    good = bureau("verify", "--deep", "--patience", "0", environment=environment)
    assert (good.returncode, good.stdout) == (0, "")
    assert good.stderr.startswith("all agree: ")

    async def damage() -> None:
        async with Redis.from_url(redis_url) as redis:
            await redis.delete(stream_name(line.shard))

    run_in_thread(damage)
    bad = bureau("verify", "--patience", "0", "--json", environment=environment)
    told = json.loads(bad.stdout)
    assert (bad.returncode, told["is_equal"], told["different"]) == (1, False, 2)
    assert [difference["kind"] for difference in told["differences"]] == ["stream.behind", "stream.missing"]
    shown = bureau("verify", "--patience", "0", environment=environment)
    assert f"stream.missing shard {line.shard}: positions 1 to " in shown.stdout
    assert shown.stderr.startswith("2 differences: ")


def test_a_server_out_of_reach_is_one_clear_line_and_another_exit_code() -> None:
    environment = {"DATABASE_URL": "postgresql://127.0.0.1:1/bureau", "REDIS_URL": "redis://127.0.0.1:1/0"}
    refused = bureau("verify", environment=environment)
    assert refused.returncode == 2
    assert refused.stderr.startswith("bureau: a server is out of reach, see `bureau status`: ")
    assert len(refused.stderr.splitlines()) == 1
