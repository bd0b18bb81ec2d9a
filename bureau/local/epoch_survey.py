"""What `bureau epoch` and `bureau status` say of epochs: forks, clusters, and what is wrong in words."""

from collections.abc import Sequence
from typing import NamedTuple

from infrastructure.cluster_identity import ClusterIdentity, is_same_cluster, read_identity, read_recorded_identity
from infrastructure.epoch_bump import Bump, plan_bump
from infrastructure.forks import find_forks
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["EpochSurvey", "read_survey", "to_json"]


class EpochSurvey(NamedTuple):
    """Where log and streams part and what a bump would do, which cluster this is and which was recorded."""

    bump: Bump
    seen: ClusterIdentity
    recorded: ClusterIdentity | None

    @property
    def has_moved(self) -> bool:
        """Tell whether the database lives elsewhere than it recorded."""
        return self.recorded is not None and not is_same_cluster(self.seen, self.recorded)

    @property
    def troubles(self) -> Sequence[str]:
        """Return in words what calls for a new epoch; empty where nothing does."""
        words = [
            f"shard {fork.shard}: the stream holds {fork.ghosts} entries behind position {fork.agreed}, up to"
            f" {fork.stream_end}, that the log does not have"
            for fork in self.bump.forks
            if fork.is_lost
        ]
        words += [f"shard {fork.shard}: {fork.strange}" for fork in self.bump.forks if fork.strange]
        if self.has_moved:
            words.append(f"the database was recorded on {self.recorded}, and is now on {self.seen}")
        return words


async def read_survey(pool: Pool, redis: RedisClient) -> EpochSurvey:
    """Look at log, streams and cluster. Raises the errors of a server out of reach, StandbyError on a standby."""
    return EpochSurvey(
        plan_bump(await find_forks(pool, redis)), await read_identity(pool), await read_recorded_identity(pool)
    )


def to_json(survey: EpochSurvey) -> dict[str, object]:
    """Return the survey ready for JSON; `next_epoch` is what a bump begins."""
    return {
        "next_epoch": survey.bump.epoch,
        "troubles": list(survey.troubles),
        "cluster": survey.seen._asdict(),
        "recorded_cluster": survey.recorded._asdict() if survey.recorded else None,
        "shards": [
            {
                "shard": fork.shard,
                "epoch": fork.epoch,
                "log": str(fork.head),
                "stream": str(fork.stream_end),
                "agreed": fork.agreed,
                "ghosts": fork.ghosts,
                "strange": fork.strange or None,
                "is_known": fork.is_known,
                "unpublished": fork.unpublished,
            }
            for fork in survey.bump.forks
        ],
    }
