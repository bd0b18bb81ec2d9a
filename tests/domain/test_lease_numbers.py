"""The number of a lease, which fences: it goes up, and never comes again after the database went back in time."""

from domain.rejection import Conflict
from tests.domain.samples import complete, existing, lease, queued
from tests.domain.scenario import given_task, given_this_task


def test_the_lease_of_a_lost_future_has_another_token_than_the_one_that_is_given_instead() -> None:
    ready = given_task(*queued())
    lost, instead = (
        existing(ready.when(lease(10)).after),
        existing(ready.when(lease(10.000001, worker="worker-2")).after),
    )

    given_this_task(instead).when(complete(lost.leases)).then_rejected("lease_lost", Conflict)
    assert given_this_task(instead).when(complete(instead.leases)).rejection is None


def test_two_leases_within_the_same_microsecond_have_two_numbers() -> None:
    first = existing(given_task(*queued()).when(lease()).after)
    again = given_this_task(first.model_copy(update={"lease": None})).when(lease()).after

    assert existing(again).leases == first.leases + 1
