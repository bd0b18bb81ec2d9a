"""What `bureau status` says of dead letters: how many roots and events wait, by projection."""

from bureau.local.section import Section
from infrastructure.dead_letters import count_dead_letters
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["read_dead_letter_section"]


async def read_dead_letter_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return a row for each projection with parked roots; they are worth knowing, and leave the service healthy."""
    counts = await count_dead_letters(pool)
    rows: tuple[dict[str, str | int | float | None], ...] = tuple(
        {"projection": projection, "version": version, "dead letters": roots, "events": events}
        for (projection, version), (roots, events) in sorted(counts.items())
    )
    total = sum(roots for roots, _ in counts.values())
    notes = (f"{total} dead letters: `bureau dead-letters list` shows them",) if total else ()
    return Section(name="dead_letters", title="Dead letters: roots that wait, by projection", rows=rows, notes=notes)
