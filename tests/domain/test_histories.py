"""Properties of every history of one aggregate: its state is nothing but the fold of what was decided."""

from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.a2a import TERMINAL_STATES, AgentCard
from contracts.agents import AgentPolicy, AgentStatus
from contracts.events import Event, TaskAttemptStarted, TaskStarted
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
from tests.domain.samples import AGENT_ID, NOON, at, submit
from tests.domain.scenario import Given, given_agent, given_this_task
from tests.domain.situations import COMMANDS

type Change = Event | TaskFact

_FAST = settings(max_examples=100)

# The seconds that pass before it, the command, and how far its token is behind or before the last lease's.
_STEPS = st.tuples(
    st.sampled_from([0, 1, 29.5, 61]), st.sampled_from(sorted(COMMANDS)), st.sampled_from([0, 0, 0, 0, -1, 1])
)


def command_of(name: str, seconds: float, number: int) -> TaskCommand:
    """Return a command of the table at another time and with another token, where it has one."""
    command = COMMANDS[name]
    token = {"lease_number": number} if getattr(command, "lease_number", None) is not None else {}
    return command.model_copy(update={"at": at(seconds), **token})


def check_change(before: Task | None, change: Change, after: Task) -> None:
    """Check what holds between the states before and after one event or fact."""
    generation, leases, attempt = (before.generation, before.leases, before.attempt) if before else (0, 0, 0)
    assert after.generation == generation + isinstance(change, Event)
    assert after.attempt == attempt + isinstance(change, TaskStarted | TaskAttemptStarted)
    assert after.attempt <= after.rules.max_attempts
    assert (after.leases > leases) == isinstance(change, LeaseGranted)
    assert after.lease is None or after.lease.number == after.leases
    assert not (after.state in TERMINAL_STATES and (after.lease or after.waiting or after.due_at))


@given(st.lists(_STEPS, min_size=5, max_size=40))
@_FAST
def test_any_history_of_a_task_is_the_fold_of_its_changes(history: list[tuple[float, str, int]]) -> None:
    task = given_this_task(None).when(submit()).after
    changes: list[Change] = list(given_this_task(None).when(submit()).changes or ())  # type: ignore[arg-type] # a task's
    now = 0.0
    for pause, name, offset in history:
        now += pause
        assert task is not None
        outcome = given_this_task(task).when(command_of(name, now, task.leases + offset))
        for change in outcome.changes or ():
            evolved = evolve_task(task, change)  # type: ignore[arg-type] # decided by a task's decider
            check_change(task, change, evolved)  # type: ignore[arg-type] # the same
            task = evolved
            changes.append(change)  # type: ignore[arg-type] # the same
        assert task == outcome.after
    assert task == reduce(evolve_task, changes, None)  # type: ignore[arg-type] # the same
    assert task is not None
    assert task == Task.model_validate_json(task.model_dump_json())


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
