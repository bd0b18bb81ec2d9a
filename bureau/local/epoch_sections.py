"""What `bureau status` says of epochs: in which one the log is written, where the database lives, what was lost."""

from bureau.local.epoch_survey import read_survey
from bureau.local.section import Section
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["read_epoch_section"]


async def read_epoch_section(pool: Pool, redis: RedisClient) -> Section:
    """Return the current epoch and cluster; a stream that holds what the log does not is a problem."""
    survey = await read_survey(pool, redis)
    forks = survey.bump.forks
    row: dict[str, str | int | float | None] = {
        "epoch": max(fork.epoch for fork in forks),
        "system": survey.seen.system_identifier or "unknown",
        "timeline": survey.seen.timeline or "unknown",
        "ghosts": sum(fork.ghosts for fork in forks if fork.is_lost),
    }
    is_bump_due = any(fork.is_lost for fork in forks) or survey.has_moved
    advice = ("see `bureau epoch show`, then `bureau epoch bump`",) if is_bump_due else ()
    return Section(name="epochs", title="Epochs", rows=(row,), problems=(*survey.troubles, *advice))
