"""The database goes back in time: a backup is taken and, some seconds later, put back; then a new epoch is begun."""

import asyncio
import shutil
import time

from tests.faults.journal import Lost
from tests.faults.state import PATIENCE_SECONDS, Storm, reconnect
from tests.faults.writers import HOT_AGENTS
from tests.polling import let_pass, poll_until

__all__ = ["put_backup_back"]

_SHARE = 0.15
"""Of the whole time goes into copying databases at the most: the copies grow with the log."""
_BEGUN = "SELECT count(*) = $2 FROM write.aggregates WHERE id = ANY ($1)"


async def put_backup_back(storm: Storm) -> bool:
    """Take a backup, let everybody go on, put it back and bump; False while it is too early for the next."""
    begun = time.monotonic()
    if storm.seconds["all"] * _SHARE < storm.seconds["copies"]:
        return False
    if not await storm.pool.fetchval(_BEGUN, HOT_AGENTS, len(HOT_AGENTS)):
        return False  # the writers have not begun
    backup, data = storm.directory / "backup", storm.postgres.running[0].config.home / "data"

    def take() -> None:
        storm.postgres.kill()
        shutil.copytree(data, backup, symlinks=True)
        storm.postgres.start()

    def put_back() -> None:
        storm.postgres.kill()
        shutil.rmtree(data)
        backup.rename(data)
        storm.postgres.start()

    await asyncio.to_thread(take)
    await reconnect(storm)
    copied = time.monotonic()
    await let_pass(storm.randomness.uniform(1.0, 4.0))
    back = time.monotonic()
    await asyncio.to_thread(put_back)
    storm.losses.append(Lost(begun, time.monotonic()))
    await reconnect(storm)
    storm.seconds["copies"] += copied - begun + time.monotonic() - back
    await poll_until(lambda: _bump(storm), timeout=2 * PATIENCE_SECONDS, what="bureau epoch bump goes through")
    return True


async def _bump(storm: Storm) -> bool:
    """Try once; things may have changed while it looked."""
    process = storm.crew.command("epoch bump --yes --reason storm")
    await asyncio.to_thread(process.join, PATIENCE_SECONDS)
    return process.exitcode == 0
