"""Decide on what a worker asked to be allowed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from contracts.approvals import ApprovalRule, ApprovalVote
from contracts.events import ApprovalGranted, ApprovalRefused, ApprovalVoteCast
from contracts.record import Record
from domain.approval.state import Approval, require_pending_approval
from domain.rejection import Conflict, Forbidden

__all__ = ["CastVote", "Person", "decide_cast_vote"]


class Person(Record):
    """Somebody with a key, as they stand now. Keys of one name are one person's.

    With a key that was revoked nobody decides, but who asked for something with it is still who asked.
    """

    key_id: str
    name: str
    roles: frozenset[str]
    is_revoked: bool = False


class CastVote(Record):
    """Approve or refuse; `people` by key: who asked, all who voted before and the voter, with their roles of now."""

    at: datetime
    by: str
    decision: Literal["approve", "refuse"]
    reason: str | None
    people: Mapping[str, Person]


def decide_cast_vote(
    command: CastVote, approval: Approval | None
) -> list[ApprovalVoteCast | ApprovalGranted | ApprovalRefused]:
    """Return the vote, and the decision where it is the deciding one.

    Refused for who may not decide, asked for it themselves or voted before, and after its time. At the deciding vote
    only those count who may still decide then.
    """
    approval = require_pending_approval(approval)
    if approval.expires_at <= command.at:
        raise Conflict("approval_expired", "The time for this decision is over.")
    if _is_same_person(command.by, approval.requested_by, command.people):
        raise Forbidden("own_request", "Nobody decides on what they asked for themselves.")
    if not _may_decide(command.by, approval.rule, command.people):
        raise Forbidden("not_a_decider", "This approval is for others to decide: see its rule.")
    if any(_is_same_person(command.by, by, command.people) for by in _voters(approval, command.people)):
        raise Conflict("already_voted", "You have decided on this approval already.")
    vote = ApprovalVote(by=command.by, decision=command.decision, reason=command.reason)
    return [ApprovalVoteCast(vote=vote), *_outcome((*approval.votes, vote), approval.rule, command.people)]


def _is_same_person(key_id: str, other_id: str, people: Mapping[str, Person]) -> bool:
    """Tell whether two keys are one person's: the same key, or two that have the same name."""
    person, other = people.get(key_id), people.get(other_id)
    return key_id == other_id or (person is not None and other is not None and person.name == other.name)


def _voters(approval: Approval, people: Mapping[str, Person]) -> Iterator[str]:
    """Yield the keys that votes came with; one that was revoked since is no vote, and may be cast with another key."""
    return (vote.by for vote in approval.votes if (voter := people.get(vote.by)) is not None and not voter.is_revoked)


def _may_decide(key_id: str, rule: ApprovalRule, people: Mapping[str, Person]) -> bool:
    """Tell whether a person may decide under a rule, by their role or their name."""
    person = people.get(key_id)
    if person is None or person.is_revoked:
        return False
    return person.name in rule.people or not person.roles.isdisjoint(rule.roles)


def _outcome(
    votes: tuple[ApprovalVote, ...], rule: ApprovalRule, people: Mapping[str, Person]
) -> list[ApprovalGranted | ApprovalRefused]:
    """Return the decision that the votes amount to, none where it takes more of them."""
    counted = [vote.decision for vote in votes if _may_decide(vote.by, rule, people)]
    if counted.count("refuse") >= rule.refusals:
        return [ApprovalRefused()]
    if counted.count("approve") >= rule.required:
        return [ApprovalGranted()]
    return []
