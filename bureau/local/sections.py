"""Every section of `bureau status`, in the order in which they are shown. A new one is a line here."""

import asyncio
from typing import Final

from bureau.local.dead_letter_section import read_dead_letter_section
from bureau.local.epoch_sections import read_epoch_section
from bureau.local.projector_section import read_projector_section
from bureau.local.read_model_section import read_read_models_section
from bureau.local.relay_sections import read_memory_section, read_relay_section
from bureau.local.section import ReadSection, Section
from bureau.local.upkeep_sections import read_readers_section, read_streams_section, read_upkeep_section
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["SECTIONS", "read_sections"]

SECTIONS: Final[tuple[ReadSection, ...]] = (
    read_relay_section,
    read_memory_section,
    read_epoch_section,
    read_streams_section,
    read_readers_section,
    read_upkeep_section,
    read_projector_section,
    read_read_models_section,
    read_dead_letter_section,
)

_SECONDS: Final = 10.0


async def read_sections(pool: Pool, redis: RedisClient) -> list[Section]:
    """Return all sections; one that cannot be read holds nothing but the reason, as its problem."""
    return [await _read(section, pool, redis) for section in SECTIONS]


async def _read(section: ReadSection, pool: Pool, redis: RedisClient) -> Section:
    try:
        async with asyncio.timeout(_SECONDS):
            return await section(pool, redis)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why the section cannot be shown
        name = section.__name__.removeprefix("read_").removesuffix("_section")
        words = f"{name} cannot be looked at: {str(error) or type(error).__name__}"
        return Section(name=name, title=name.capitalize(), rows=(), problems=(words,))
