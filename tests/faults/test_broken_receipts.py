"""Two calls of the same command at once: one is carried out; with ON CONFLICT both are, and the accounts show it."""

from random import Random

from infrastructure.command_loads import LoadRequest, load_command
from infrastructure.postgres import Pool
from infrastructure.write_store import DuplicateReceiptError, save_command
from tests.faults.broken import breaking
from tests.faults.test_broken_relays import either
from tests.roots import new_id
from tests.write_path.history import find_faults
from tests.write_path.writes import Version, command_key, make_write


@either("receipt with ON CONFLICT")
async def test_a_command_is_sent_twice_at_once(pool: Pool, randomness: Random, missing: str | None) -> None:
    """Each attempt makes a task under an id of its own, so that nothing but the receipt can tell."""
    async with breaking(pool, missing):
        loaded = [await load_command(pool, LoadRequest(command_key("same"))) for _ in range(2)]
        assert [each.receipt for each in loaded] == [None, None]
        for _ in range(2):
            try:
                await save_command(pool, make_write("same", [Version(new_id(randomness))], randomness))
            except DuplicateReceiptError:
                assert missing is None
    faults = await find_faults(pool)
    assert len(faults) == (1 if missing else 0)
    assert await pool.fetchval("SELECT count(*) FROM log.events") == (2 if missing else 1)
