"""What the commands of an approval lead to, edge cases first."""

from typing import get_args

import pytest
from pydantic import JsonValue

from contracts.approvals import ApprovalStatus
from contracts.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalUsed,
    ApprovalWithdrawn,
    Event,
)
from domain.approval import ApprovalCommand, Person, evolve_approval
from domain.rejection import Conflict, Forbidden, NotFound
from tests.domain.approval_samples import ARGUMENTS, PEOPLE, asked, close, request, use, vote, vote_cast
from tests.domain.samples import AGENT_ID, NOON, at
from tests.domain.scenario import given_approval, given_this_approval


def without(key_id: str) -> dict[str, Person]:
    """Return the people after a key was revoked."""
    return {**PEOPLE, key_id: PEOPLE[key_id].model_copy(update={"is_revoked": True})}


def with_roles(key_id: str, *roles: str) -> dict[str, Person]:
    """Return the people after a key's roles were changed."""
    return {**PEOPLE, key_id: PEOPLE[key_id].model_copy(update={"roles": frozenset(roles)})}


def test_a_new_approval_is_pending_until_its_rule_says() -> None:
    approval = given_approval().when(request(expires_in_seconds=30)).then(asked(expires_in_seconds=30))

    assert approval is not None
    assert (approval.status, approval.expires_at, approval.votes) == (ApprovalStatus.PENDING, at(30), ())
    assert (approval.generation, approval.is_used) == (1, False)


def test_an_approval_cannot_be_decided_at_the_moment_it_expires() -> None:
    given_approval(asked()).when(vote("ada", at=at(600))).then_rejected("approval_expired", Conflict)
    assert given_approval(asked()).when(vote("ada", at=at(599.999999))).rejection is None


@pytest.mark.parametrize("by", ["worker", "worker-2"])
def test_nobody_decides_on_what_they_asked_for_with_any_of_their_keys(by: str) -> None:
    given_approval(asked(people=("worker",))).when(vote(by)).then_rejected("own_request", Forbidden)


def test_nobody_decides_on_their_own_request_when_their_key_is_not_known_any_more() -> None:
    given_approval(asked()).when(vote("worker", people={})).then_rejected("own_request", Forbidden)


def test_nobody_decides_with_another_key_on_what_they_asked_for_with_one_that_was_revoked() -> None:
    given_approval(asked()).when(vote("worker-2", people=without("worker"))).then_rejected("own_request", Forbidden)


def test_whose_key_was_revoked_after_the_vote_votes_anew_with_another_and_is_counted_once() -> None:
    voted = given_approval(asked(required=2), vote_cast("ada"))

    voted.when(vote("ada-2")).then_rejected("already_voted", Conflict)
    anew = voted.when(vote("ada-2", people=without("ada"))).then(vote_cast("ada-2"))
    given_this_approval(anew).when(vote("mary", people=without("ada"))).then(vote_cast("mary"), ApprovalGranted())


def test_with_a_key_that_was_revoked_nobody_decides() -> None:
    people = without("grace")
    given_approval(asked()).when(vote("grace", people=people)).then_rejected("not_a_decider", Forbidden)


@pytest.mark.parametrize("by", ["eve", "nobody"])
def test_who_the_rule_does_not_name_does_not_decide(by: str) -> None:
    given_approval(asked()).when(vote(by)).then_rejected("not_a_decider", Forbidden)


def test_who_lost_the_role_does_not_decide() -> None:
    given_approval(asked()).when(vote("ada", people=with_roles("ada"))).then_rejected("not_a_decider", Forbidden)


@pytest.mark.parametrize("by", ["ada", "grace"])
def test_one_vote_of_a_role_or_of_somebody_named_is_enough(by: str) -> None:
    approval = given_approval(asked()).when(vote(by)).then(vote_cast(by), ApprovalGranted())

    assert approval is not None
    assert (approval.status, approval.generation) == (ApprovalStatus.APPROVED, 3)


def test_a_vote_keeps_who_and_why() -> None:
    approval = given_approval(asked(required=2)).when(vote("ada", reason="they are right")).after

    assert approval is not None
    assert [(given.by, given.decision, given.reason) for given in approval.votes] == [
        ("ada", "approve", "they are right")
    ]
    assert approval.status is ApprovalStatus.PENDING


@pytest.mark.parametrize("by", ["ada", "ada-2"])
@pytest.mark.parametrize("first", ["approve", "refuse"])
@pytest.mark.parametrize("second", ["approve", "refuse"])
def test_nobody_votes_twice_not_even_with_another_key(by: str, first: str, second: str) -> None:
    voted = given_approval(asked(required=2, refusals=2), vote_cast("ada", first))  # type: ignore[arg-type] # one of two

    voted.when(vote(by, second)).then_rejected("already_voted", Conflict)  # type: ignore[arg-type] # one of two


def test_the_last_of_the_votes_that_are_needed_decides() -> None:
    waiting = given_approval(asked(required=3), vote_cast("ada"))
    two = given_this_approval(waiting.when(vote("grace")).then(vote_cast("grace")))

    two.when(vote("mary")).then(vote_cast("mary"), ApprovalGranted())


def test_one_refusal_ends_it_whatever_was_approved_before() -> None:
    voted = given_approval(asked(required=3), vote_cast("ada"), vote_cast("grace"))
    approval = voted.when(vote("mary", "refuse")).then(vote_cast("mary", "refuse"), ApprovalRefused())

    assert approval is not None
    assert approval.status is ApprovalStatus.REFUSED


def test_a_rule_may_ask_for_several_refusals() -> None:
    first = given_approval(asked(refusals=2)).when(vote("ada", "refuse")).then(vote_cast("ada", "refuse"))

    given_this_approval(first).when(vote("mary", "refuse")).then(vote_cast("mary", "refuse"), ApprovalRefused())
    given_this_approval(first).when(vote("mary")).then(vote_cast("mary"), ApprovalGranted())


@pytest.mark.parametrize("people", [with_roles("ada"), with_roles("ada", "auditor"), without("ada")])
def test_at_the_deciding_vote_only_those_count_who_may_still_decide(people: dict[str, Person]) -> None:
    voted = given_approval(asked(required=2), vote_cast("ada"))

    pending = voted.when(vote("grace", people=people)).then(vote_cast("grace"))
    given_this_approval(pending).when(vote("mary", people=people)).then(vote_cast("mary"), ApprovalGranted())


def test_a_refusal_of_somebody_who_lost_the_role_does_not_count_either() -> None:
    voted = given_approval(asked(refusals=2), vote_cast("ada", "refuse"))

    voted.when(vote("mary", "refuse", people=with_roles("ada"))).then(vote_cast("mary", "refuse"))


def test_a_vote_counts_again_when_the_role_is_back() -> None:
    voted = given_approval(asked(required=3), vote_cast("ada"), vote_cast("grace"))

    voted.when(vote("mary", people=PEOPLE)).then(vote_cast("mary"), ApprovalGranted())


def test_an_approval_is_used_once() -> None:
    approved = given_approval(asked(), vote_cast("ada"), ApprovalGranted())
    approval = approved.when(use()).then(ApprovalUsed())

    assert approval is not None
    assert approval.is_used
    given_this_approval(approval).when(use()).then_rejected("approval_used", Conflict)


OTHER_LINES: list[list[JsonValue]] = [[True, {"note": None}], [1], [1, {}]]


@pytest.mark.parametrize(
    "changes",
    [
        {"task_id": AGENT_ID},
        {"operation": "payments.refunds"},
        {"arguments": {}},
        {"arguments": {**ARGUMENTS, "amount": 12.51}},
        {"arguments": {**ARGUMENTS, "currency": "EUR"}},
        {"arguments": {**ARGUMENTS, "is_full": 1}},
        {"arguments": {**ARGUMENTS, "order": "7"}},
        *({"arguments": {**ARGUMENTS, "lines": lines}} for lines in OTHER_LINES),
    ],
)
def test_an_approval_covers_nothing_but_what_was_shown(changes: dict[str, object]) -> None:
    approved = given_approval(asked(), vote_cast("ada"), ApprovalGranted())

    approved.when(use(**changes)).then_rejected("other_operation", Conflict)


def test_arguments_are_the_same_in_any_order_and_a_whole_number_in_either_form() -> None:
    approved = given_approval(asked(), vote_cast("ada"), ApprovalGranted())
    same = dict(reversed(({**ARGUMENTS, "order": 7.0}).items()))

    approved.when(use(arguments=same)).then(ApprovalUsed())


PENDING = (asked(),)
SITUATIONS: dict[str, tuple[Event, ...]] = {
    "missing": (),
    "pending": PENDING,
    "approved": (*PENDING, vote_cast("ada"), ApprovalGranted()),
    "used": (*PENDING, vote_cast("ada"), ApprovalGranted(), ApprovalUsed()),
    "refused": (*PENDING, vote_cast("ada", "refuse"), ApprovalRefused()),
    "expired": (*PENDING, ApprovalExpired()),
    "withdrawn": (*PENDING, ApprovalWithdrawn()),
}
COMMANDS: dict[str, ApprovalCommand] = {
    "request": request(),
    "approve": vote("mary"),
    "refuse": vote("mary", "refuse"),
    "expire": close(),
    "withdraw": close("withdrawn"),
    "use": use(),
}
LEGAL: dict[tuple[str, str], list[Event]] = {
    ("missing", "request"): [asked()],
    ("pending", "approve"): [vote_cast("mary"), ApprovalGranted()],
    ("pending", "refuse"): [vote_cast("mary", "refuse"), ApprovalRefused()],
    ("pending", "expire"): [ApprovalExpired()],
    ("pending", "withdraw"): [ApprovalWithdrawn()],
    ("approved", "use"): [ApprovalUsed()],
    **{(state, why): [] for state in list(SITUATIONS)[2:] for why in ("expire", "withdraw")},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_situation_meets_every_command(situation: str, command: str) -> None:
    outcome = given_approval(*SITUATIONS[situation]).when(COMMANDS[command])

    if (situation, command) in LEGAL:
        outcome.then(*LEGAL[situation, command])
        return
    codes = {"request": "approval_exists", "use": "approval_used" if situation == "used" else "not_approved"}
    code = "approval_not_found" if situation == "missing" else codes.get(command, "approval_decided")
    outcome.then_rejected(code, NotFound if situation == "missing" else Conflict)


def test_the_table_names_every_state_and_every_command() -> None:
    states = [given_approval(*events).state for events in SITUATIONS.values() if events]

    assert {state.status for state in states if state is not None} == set(ApprovalStatus)
    assert {type(command) for command in COMMANDS.values()} == set(get_args(ApprovalCommand.__value__))


def test_an_event_of_an_approval_that_never_was_cannot_be_applied() -> None:
    with pytest.raises(NotFound):
        evolve_approval(None, ApprovalGranted())


def test_asking_takes_its_time_from_the_command() -> None:
    approval = given_approval().when(request().model_copy(update={"at": at(5)})).after

    assert approval is not None
    assert approval.expires_at == at(605) != NOON
