"""Properties of every history: whatever commands come in whatever order, these hold after each."""

from collections.abc import Callable
from functools import reduce

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.a2a import TERMINAL_STATES, AgentCard
from contracts.agents import AgentPolicy, AgentStatus
from contracts.events import Event
from domain.agent import (
    Agent,
    AgentCommand,
    PauseAgent,
    RegisterAgent,
    ResumeAgent,
    RetireAgent,
    UpdateAgent,
    evolve_agent,
)
from domain.task import LeaseGranted, Task, TaskCommand, TaskFact, evolve_task
from tests.domain.samples import (
    AGENT_ID,
    NOON,
    active_agent,
    append,
    at,
    cancel,
    complete,
    fail,
    heartbeat,
    lease,
    paused_agent,
    progress,
    submit,
)
from tests.domain.scenario import Given, When, given_agent, given_this_task

type Change = Event | TaskFact
# From the seconds since noon and the number of leases so far to a command.
type Step = Callable[[float, int], TaskCommand]

_FAST = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

_OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1])
_IDS = st.sampled_from(["a", "b", "c"])


def _timed(command: TaskCommand, seconds: float) -> TaskCommand:
    return command.model_copy(update={"at": at(seconds)})


_STEPS: st.SearchStrategy[Step] = st.one_of(
    st.just(lambda now, _: _timed(submit(), now)),
    st.builds(
        lambda worker, seconds, is_paused: (
            lambda now, _: lease(
                now, worker=worker, seconds=seconds, agent=paused_agent() if is_paused else active_agent()
            )
        ),
        st.sampled_from(["w-1", "w-2"]),
        st.sampled_from([None, 1, 30]),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(lambda offset: lambda now, leases: heartbeat(leases + offset, now), _OFFSETS),
    st.builds(lambda offset: lambda now, leases: _timed(progress(leases + offset), now), _OFFSETS),
    st.builds(
        lambda offset, artifact, goes_on, is_last: (
            lambda now, leases: _timed(append(artifact, leases + offset, goes_on=goes_on, is_last=is_last), now)
        ),
        _OFFSETS,
        _IDS,
        st.booleans(),
        st.booleans(),
    ),
    st.builds(lambda offset: lambda now, leases: _timed(complete(leases + offset), now), _OFFSETS),
    st.builds(lambda offset: lambda now, leases: _timed(fail(leases + offset), now), _OFFSETS),
    st.sampled_from([lambda now, _: _timed(cancel(), now), lambda now, _: lease(now + 0.0)]),
)
_HISTORIES = st.lists(st.tuples(st.sampled_from([0, 1, 29.5, 61]), _STEPS), min_size=5, max_size=40)


def check_step(command: TaskCommand, outcome: When[Task]) -> None:
    """Check what holds between the states before and after a command."""
    before, after, changes = outcome.before, outcome.after, outcome.changes or ()
    if outcome.rejection is not None:
        assert after == before
        return
    if before is not None and before.state in TERMINAL_STATES:
        assert not changes
        assert after == before
    if before is not None and before.lease is not None and any(isinstance(change, LeaseGranted) for change in changes):
        assert before.lease.expires_at <= command.at, "two leases live at once"
    number = getattr(command, "lease_number", 0)
    if hasattr(command, "lease_number"):
        assert before is not None
        assert before.lease is not None
        assert number == before.lease.number


def check_change(before: Task | None, change: Change, after: Task) -> None:
    """Check what holds between the states before and after one event or fact."""
    generation, leases, attempt = (before.generation, before.leases, before.attempt) if before else (0, 0, 0)
    assert after.generation == generation + isinstance(change, Event)
    assert after.attempt in {attempt, attempt + 1}
    assert after.attempt <= after.max_attempts
    assert after.leases == leases + isinstance(change, LeaseGranted)
    assert after.lease is None or after.lease.number == after.leases
    assert (after.claimable_at is None) == (after.state in TERMINAL_STATES)


@given(_HISTORIES)
@_FAST
def test_any_history_of_a_task_keeps_its_promises(history: list[tuple[float, Step]]) -> None:
    task: Task | None = None
    changes: list[Change] = []
    now = 0.0
    for pause, step in [(0.0, _STEPS_FIRST), *history]:
        now += pause
        command = step(now, task.leases if task else 0)
        outcome = given_this_task(task).when(command)
        check_step(command, outcome)
        for change in outcome.changes or ():
            evolved = evolve_task(task, change)  # type: ignore[arg-type] # decided by a task's decider
            check_change(task, change, evolved)
            task = evolved
            changes.append(change)
        assert task == outcome.after
    assert task == reduce(evolve_task, changes, None)  # type: ignore[arg-type] # the same
    assert task is not None
    assert task == Task.model_validate_json(task.model_dump_json())


def _STEPS_FIRST(now: float, _leases: int) -> TaskCommand:  # noqa: N802 - stands beside _STEPS
    return _timed(submit(), now)


_AGENT_COMMANDS: st.SearchStrategy[AgentCommand] = st.sampled_from(
    [
        RegisterAgent(at=NOON, agent_id=AGENT_ID, name="a", card=AgentCard(), policy=AgentPolicy()),
        UpdateAgent(at=NOON, name="b", card=None, policy=None),
        UpdateAgent(at=NOON, name="a", card=None, policy=AgentPolicy(max_attempts=9)),
        PauseAgent(at=NOON, reason=None),
        ResumeAgent(at=NOON),
        ResumeAgent(at=NOON),
        RetireAgent(at=NOON, reason=None),
    ]
)


@given(st.lists(_AGENT_COMMANDS, max_size=30))
@_FAST
def test_any_history_of_an_agent_keeps_its_promises(commands: list[AgentCommand]) -> None:
    scenario: Given[Agent, AgentCommand] = given_agent()
    events: list[Event] = []
    for command in commands:
        outcome = scenario.when(command)
        before, after = scenario.state, outcome.after
        new = [change for change in outcome.changes or () if isinstance(change, Event)]
        assert len(new) == len(outcome.changes or ()) <= 1
        assert (after.generation if after else 0) == (before.generation if before else 0) + len(new)
        if before is not None and before.status is AgentStatus.RETIRED:
            assert after == before
        events.extend(new)
        scenario = Given(after, scenario.decide, scenario.evolve)
    assert scenario.state == reduce(evolve_agent, events, None)  # type: ignore[arg-type] # decided by an agent's decider
    if scenario.state is not None:
        assert scenario.state == Agent.model_validate_json(scenario.state.model_dump_json())
