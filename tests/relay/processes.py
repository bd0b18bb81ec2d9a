"""Relays as processes of the operating system, for tests that kill, stop and end them."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["relay_process"]


@asynccontextmanager
async def relay_process(database_url: str, redis_url: str, port: int = 0, **more: str) -> AsyncIterator[Process]:
    """Start a relay, with more settings where they are given, and see to it that it is gone afterwards."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BUREAU_PORT": str(port),
        "BUREAU_LOG_FORMAT": "json",
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bureau", "serve", "relay", env=environment, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
