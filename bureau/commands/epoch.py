"""`bureau epoch`: showing where log and streams part, and beginning a new epoch there."""

import sys
from pathlib import Path

import typer
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.cli.progress import showing_steps
from bureau.commands.servers import Purpose, run_on_servers
from bureau.errors import CommandFailedError, WrongSettingError
from bureau.local.epoch_survey import EpochSurvey, read_survey, to_json
from infrastructure.cache_reset import forget_everything
from infrastructure.epoch_bump import Bump, OtherThanShownError, StrangeStreamError, begin_epoch, refuse_strangers
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["run_bump_epoch", "run_show_epoch"]

_PURPOSE = Purpose("bureau epoch", "look after the epochs")
_DEFAULT_REASON = "bureau epoch bump"


def run_show_epoch(directory: Path, *, is_json: bool) -> bool:
    """Print where log and streams part; return whether they agree. Raises CommandFailedError."""
    survey = run_on_servers(directory, _PURPOSE, read_survey)
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
    survey = run_on_servers(directory, _PURPOSE, read_survey)
    _explain(survey)
    _refuse_strangers(survey)
    if not is_agreed and not typer.confirm(f"Begin epoch {survey.bump.epoch}?", err=True):
        raise CommandFailedError("nothing was changed")

    async def carry_out(pool: Pool, redis: RedisClient) -> Bump:
        # Before, and not after: nothing that is read from now on is of the lost future, and this way a crash of ours
        # leaves nothing behind.
        await forget_everything(redis)
        with showing_steps(words_console()) as advance:
            try:
                return await begin_epoch(pool, redis, survey.bump, reason or _DEFAULT_REASON, advance)
            except OtherThanShownError as error:
                raise CommandFailedError(str(error)) from error

    done = run_on_servers(directory, _PURPOSE, carry_out)
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
    _say(
        f"`bureau epoch bump` begins epoch {bump.epoch} in all {len(bump.forks)} shards, each behind the last position"
        " on which stream and log agree:"
    )
    for fork in bump.forks:
        if fork.ghosts or fork.unpublished:
            _say(
                f"  shard {fork.shard}: from position {fork.agreed + 1} on; {fork.ghosts} entries of the stream are"
                f" ignored from then on, {fork.unpublished} events of the log get the new epoch and are published"
            )
    _say("tokens of the lost future answer 410; cached answers are forgotten; no event is changed or deleted")
