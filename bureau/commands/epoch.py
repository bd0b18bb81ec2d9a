"""`bureau epoch`: showing where log and streams part, and beginning a new epoch there."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import typer
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.cli.progress import showing_steps
from bureau.commands.settings import load_settings
from bureau.errors import CommandFailedError, WrongSettingError
from bureau.local import database_place, read_runtime
from bureau.local.epoch_survey import EpochSurvey, read_survey, to_json
from infrastructure.cache_reset import forget_everything
from infrastructure.epoch_bump import Bump, OtherThanShownError, StrangeStreamError, begin_epoch, refuse_strangers
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis

__all__ = ["run_bump_epoch", "run_show_epoch"]

_DEFAULT_REASON = "bureau epoch bump"


def run_show_epoch(directory: Path, *, is_json: bool) -> bool:
    """Print where log and streams part; return whether they agree. Raises CommandFailedError."""
    survey = _run(directory, read_survey)
    if is_json:
        print_json(to_json(survey))
    else:
        data_console().print(_table(survey))
    _explain(survey)
    return not survey.troubles


def run_bump_epoch(directory: Path, reason: str, *, is_agreed: bool, is_json: bool) -> None:
    """Show the plan, ask, carry it out. Raises CommandFailedError, and WrongSettingError where nobody can be asked."""
    if not is_agreed and not sys.stdin.isatty():
        message = "`bureau epoch bump` asks before it acts, and nobody can answer here: look first, then add --yes"
        raise WrongSettingError(message)
    survey = _run(directory, read_survey)
    _explain(survey)
    _refuse_strangers(survey)
    if not is_agreed and not typer.confirm(f"Begin epoch {survey.bump.epoch}?", err=True):
        raise CommandFailedError("nothing was changed")

    async def carry_out(pool: Pool, redis: RedisClient) -> Bump:
        # Before, and not after: nothing that is read from now on is of the lost future, and this way a crash of ours
        # leaves nothing behind.
        await forget_everything(redis)
        with showing_steps(words_console()) as advance:
            return await begin_epoch(pool, redis, survey.bump, reason or _DEFAULT_REASON, advance)

    done = _run(directory, carry_out)
    words_console().print(f"bureau: epoch {done.epoch} has begun", highlight=False)
    if is_json:
        print_json(to_json(survey._replace(bump=done)) | {"begun": True})


def _refuse_strangers(survey: EpochSurvey) -> None:
    try:
        refuse_strangers(survey.bump)
    except StrangeStreamError as error:
        raise CommandFailedError(str(error)) from error


def _say(sentence: str) -> None:
    words_console().print(f"bureau: {sentence}", markup=False, highlight=False, soft_wrap=True)


def _table(survey: EpochSurvey) -> Table:
    table = Table(title="Log and streams", title_justify="left")
    for heading in ("shard", "epoch", "log ends at", "stream ends at", "agree up to", "ghosts", "not published"):
        table.add_column(heading, justify="right")
    for fork in survey.bump.forks:
        ghosts = (
            "[red]a stranger's[/red]"
            if fork.strange
            else f"[red]{fork.ghosts}[/red]"
            if fork.is_lost
            else str(fork.ghosts or "")
        )
        unpublished = str(fork.unpublished or "")
        stream_end = str(fork.stream_end) if fork.stream_end.position else "nothing"
        table.add_row(
            str(fork.shard), str(fork.epoch), str(fork.head), stream_end, str(fork.agreed), ghosts, unpublished
        )
    return table


def _explain(survey: EpochSurvey) -> None:
    """Say on standard error what is wrong and what a bump does."""
    bump = survey.bump
    for trouble in survey.troubles:
        _say(trouble)
    if not survey.troubles:
        _say("every stream agrees with the log: nothing calls for a new epoch")
    if any(fork.strange for fork in bump.forks):
        _say("`bureau epoch bump` is refused until no stream holds what no log can have written")
        return
    _say(f"`bureau epoch bump` begins epoch {bump.epoch} in all {len(bump.forks)} shards, behind the last position on")
    for fork in bump.forks:
        if fork.ghosts or fork.unpublished:
            _say(
                f"  shard {fork.shard}: from position {fork.agreed + 1} on; {fork.ghosts} entries of the stream are"
                f" ignored from then on, {fork.unpublished} events of the log get the new epoch and are published"
            )
    _say("tokens of the lost future answer 410; cached answers are forgotten; no event is changed or deleted")


def _run[Result](directory: Path, work: Callable[[Pool, RedisClient], Awaitable[Result]]) -> Result:
    """Do something with the servers of the running service, or else with those of the settings."""
    runtime = read_runtime(directory)
    settings = load_settings()
    database_url = runtime.database_url if runtime else settings.database_url.get_secret_value()
    redis_url = runtime.redis_url if runtime else settings.redis_url.get_secret_value()
    try:
        return asyncio.run(_work(database_url, redis_url, work))
    except OtherThanShownError as error:
        raise CommandFailedError(str(error)) from error
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"cannot look after the epochs of {database_place(database_url)} and its streams: {reason}"
        raise CommandFailedError(message) from error


async def _work[Result](
    database_url: str, redis_url: str, work: Callable[[Pool, RedisClient], Awaitable[Result]]
) -> Result:
    async with _open(database_url, redis_url) as (pool, redis):
        return await work(pool, redis)


@asynccontextmanager
async def _open(database_url: str, redis_url: str) -> AsyncIterator[tuple[Pool, RedisClient]]:
    pool = await open_pool(database_url, size=1, application_name="bureau epoch")
    redis = open_redis(redis_url)
    try:
        yield pool, redis
    finally:
        pool.terminate()
        await redis.aclose()
