"""Random histories of a small world: tasks, approvals, budgets; whatever happens in whatever order, this holds."""

from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.agents import AgentPolicy, RetryPolicy
from contracts.approvals import ApprovalRule, ApprovalStatus
from contracts.usage import Usage
from domain.approval import CastVote, RequestApproval, UseApproval
from domain.budget import BudgetCommand, ChangeBudget, RemoveBudget, SetBudget
from domain.task import AwaitApproval, ResolveApproval, TaskCommand, TimeOutTask
from tests.domain.approval_samples import PAYING, PEOPLE
from tests.domain.budget_samples import budget_set
from tests.domain.command_samples import acknowledge, add_message, answer, ask, reject, release
from tests.domain.samples import (
    AGENT_ID,
    MESSAGE,
    active_agent,
    append,
    cancel,
    complete,
    fail,
    heartbeat,
    lease,
    progress,
    submit,
)
from tests.domain.world import Token, World, check_task_alone

_RETRY = RetryPolicy(base_seconds=5, jitter=0.5, never_retried=("poison",))
_POLICY = AgentPolicy(lease_seconds=60, max_attempts=3, attempt_seconds=200, retry=_RETRY)
_PICK = st.integers(0, 3)
_OFTEN = st.sampled_from([True, True, True, True, False])
_SECONDS = st.sampled_from([0, 0.000001, 1, 29.5, 60, 300, 43_200])
_COSTS, _SPENT = st.sampled_from(["0", "0.5", "3", "11"]), st.sampled_from(["0", "9", "10"])
_SHARE = st.sampled_from([0, 0.3, 1])
_WAYS = st.sampled_from(["reject", "resume"])
_DECISIONS = st.sampled_from(["approve", "approve", "refuse"])
_VOTERS = st.sampled_from(["ada", "mary", "ada-2", "worker", "eve"])


class SmallWorld(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(active_agent().model_copy(update={"policy": _POLICY}))
        self.ids = iter(UUID(int=number) for number in range(1, 10_000))

    def task_id(self, pick: int) -> UUID:
        return list(self.world.tasks)[-1 - pick % len(self.world.tasks)]

    def tell(self, task_id: UUID, command: TaskCommand, **changes: object) -> bool:
        """Send a command to a task now, and tell whether it was accepted."""
        timed = command.model_copy(update={"at": self.world.now, **changes})
        return self.world.run(("task", task_id, timed))[0].rejection is None

    def token(self, pick: int, *, is_live: bool) -> Token:
        """Return a token; one that still has its task, if one is wanted and there is any."""
        tokens = self.world.tokens
        leases = {task.task_id: task.lease for task in self.world.tasks.values()}
        live = [each for each in tokens if (held := leases[each.task_id]) and held.number == each.number]
        chosen = live if live and is_live else tokens
        return chosen[-1 - pick % len(chosen)]

    def work(self, pick: int, command: TaskCommand, *, is_live: bool) -> None:
        token = self.token(pick, is_live=is_live)
        self.tell(token.task_id, command, lease_number=token.number)

    def set_budget(self, scope: str, window: str, on_breach: str, spent: str = "0") -> None:
        budget_id = next(self.ids)
        event = budget_set(budget_id=budget_id, scope=scope, window=window, on_breach=on_breach, spent=spent)
        self.world.run(("budget", budget_id, SetBudget(at=self.world.now, **event.model_dump())))

    @initialize(on_breach=st.sampled_from(["input", "fail"]), has_budget=_OFTEN, spent=_SPENT)
    def begin(self, on_breach: str, has_budget: bool, spent: str) -> None:
        self.submit(None, None)
        self.submit(None, None)
        self.set_budget("context:c-1", "day", on_breach, spent)
        if has_budget:
            self.set_budget("workspace", "total", "input")

    @precondition(lambda self: len(self.world.tasks) < 6)
    @rule(deadline=st.sampled_from([None, None, 90, 50_000]), not_before=st.sampled_from([None, None, 30]))
    def submit(self, deadline: float | None, not_before: float | None) -> None:
        now, context_id = self.world.now, f"c-{len(self.world.tasks) % 2}"
        self.tell(
            task_id := next(self.ids),
            submit(agent=self.world.agent, task_id=task_id, context_id=context_id),
            deadline=deadline and now + timedelta(seconds=deadline),
            not_before=not_before and now + timedelta(seconds=not_before),
        )

    @rule(pick=_PICK, seconds=st.sampled_from([None, 1, 600]), is_patient=_OFTEN, is_greedy=_OFTEN)
    def lease(self, pick: int, seconds: int | None, is_patient: bool, is_greedy: bool) -> None:
        for task_id in list(self.world.tasks) if is_greedy else [self.task_id(pick)]:
            task = self.world.tasks[task_id]
            if is_patient and task.claimable_at is not None and not self.world.due():
                self.world.now += timedelta(seconds=max(self.world.seconds_until(task.claimable_at), 0))
            budgets = self.world.facts().budgets_over(task_id)
            self.tell(task_id, lease(agent=self.world.agent, seconds=seconds, budgets=budgets, worker=f"w-{pick}"))

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, is_live=_OFTEN, seconds=st.sampled_from([None, 1, 600]))
    def heartbeat(self, pick: int, is_live: bool, seconds: int | None) -> None:
        token = self.token(pick, is_live=is_live)
        received = token.handed[-1]
        if self.tell(token.task_id, heartbeat(token.number, seconds=seconds), received=received):
            last = self.world.tasks[token.task_id].messages
            token.handed.extend(range(received + 1, last + 1))
            assert token.handed == list(range(1, last + 1)), "each message once, in order"

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, is_live=_OFTEN, cost=_COSTS, currency=st.sampled_from(["USD", "USD", "EUR"]))
    def report(self, pick: int, is_live: bool, cost: str, currency: str) -> None:
        self.work(pick, progress(usage=Usage(cost=Decimal(cost), currency=currency)), is_live=is_live)

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, is_live=_OFTEN, way=st.integers(0, 8), cost=_COSTS, share=_SHARE)
    def end(self, pick: int, is_live: bool, way: int, cost: str, share: float) -> None:
        usage = Usage(cost=Decimal(cost))
        again = fail(usage=usage, is_retryable=True, share=share)
        others: list[TaskCommand] = [complete(usage=usage), fail(usage=usage), fail(code="poison", is_retryable=True)]
        others += [reject(usage=usage), release(usage=usage)]
        self.work(pick, others[way] if way < len(others) else again, is_live=is_live)

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, is_live=_OFTEN, goes_on=st.booleans(), is_last=st.booleans())
    def append(self, pick: int, is_live: bool, goes_on: bool, is_last: bool) -> None:
        self.work(pick, append(f"artifact-{pick % 2}", goes_on=goes_on, is_last=is_last), is_live=is_live)

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, keeps=st.booleans(), expires=st.sampled_from([None, 30, 500]), has_default=_OFTEN)
    def ask(self, pick: int, keeps: bool, expires: int | None, has_default: bool) -> None:
        default = MESSAGE if has_default else None
        question = ask(keeps_lease=keeps, expires_in_seconds=expires, default=default, request_id=next(self.ids))
        self.work(pick, question, is_live=True)

    @rule(pick=_PICK, way=st.sampled_from(["answer", "answer", "answer", "say", "say", "cancel", "acknowledge"]))
    def talk(self, pick: int, way: str) -> None:
        waiting = [task.task_id for task in self.world.tasks.values() if task.waiting]
        task_id = waiting[pick % len(waiting)] if waiting else self.task_id(pick)
        if way == "acknowledge" and self.world.tokens:
            self.work(pick, acknowledge(usage=Usage(cost=Decimal(3)) if pick else None), is_live=False)
        elif way == "cancel":
            self.tell(task_id, cancel())
        elif way == "say":
            self.tell(self.task_id(pick), add_message())
        else:
            self.tell(task_id, answer(budgets=self.world.facts().budgets_over(task_id)))

    @precondition(lambda self: self.world.tokens)
    @rule(pick=_PICK, keeps=st.booleans(), on_refusal=_WAYS, required=st.integers(1, 2))
    def request_approval(self, pick: int, keeps: bool, on_refusal: Literal["reject", "resume"], required: int) -> None:
        token, approval_id, now = self.token(pick, is_live=True), next(self.ids), self.world.now
        task = self.world.tasks[token.task_id]
        if task.lease is None or task.lease.number != token.number or task.waiting:
            return
        policy = ApprovalRule(
            operations=("*",), roles=("treasurer",), required=required, expires_in_seconds=100, on_refusal=on_refusal
        )
        asked = {"at": now, "approval_id": approval_id, "rule": policy, **PAYING}
        about = {"task_id": token.task_id, "agent_id": AGENT_ID, "requested_by": "worker"}
        wait = AwaitApproval.model_validate(asked | {"lease_number": token.number, "keeps_lease": keeps})
        request = ("approval", approval_id, RequestApproval.model_validate(asked | about))
        self.world.run(request, ("task", token.task_id, wait))

    @precondition(lambda self: self.world.approvals)
    @rule(pick=_PICK, by=_VOTERS, decision=_DECISIONS)
    def vote(self, pick: int, by: str, decision: Literal["approve", "refuse"]) -> None:
        pending = [each for each in self.world.approvals.values() if each.status is ApprovalStatus.PENDING]
        approvals = pending or list(self.world.approvals.values())
        approval_id = approvals[-1 - pick % len(approvals)].approval_id
        vote = CastVote(at=self.world.now, by=by, decision=decision, reason=None, people=PEOPLE)
        self.world.run(("approval", approval_id, vote))

    @precondition(lambda self: self.world.approvals)
    @rule(pick=_PICK)
    def use(self, pick: int) -> None:
        approval = list(self.world.approvals.values())[-1 - pick % len(self.world.approvals)]
        use = UseApproval(at=self.world.now, task_id=approval.task_id, operation="pay", arguments={})
        (outcome,) = self.world.run(("approval", approval.approval_id, use))
        assert (outcome.rejection is None) == (approval.status is ApprovalStatus.APPROVED and not approval.is_used)

    @rule(pick=_PICK, amount=st.sampled_from(["1", "10", "40", None]), on_breach=st.sampled_from(["input", "fail"]))
    def change_budget(self, pick: int, amount: str | None, on_breach: Literal["input", "fail"]) -> None:
        budget_id = list(self.world.budgets)[pick % len(self.world.budgets)]
        command: BudgetCommand = RemoveBudget(at=self.world.now)
        if amount is not None or pick:
            new = None if amount is None else Decimal(amount)
            command = ChangeBudget(at=self.world.now, amount=new, on_breach=on_breach)
        self.world.run(("budget", budget_id, command))

    @rule(seconds=_SECONDS)
    def wait(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule(share=_SHARE, is_patient=_OFTEN)
    def schedule(self, share: float, is_patient: bool) -> None:
        """Ask what is due until nothing is, as the scheduler does; each time it must come to something."""
        moments = [task.due_at for task in self.world.tasks.values() if task.due_at is not None]
        if is_patient and moments:
            self.world.now += timedelta(seconds=max(self.world.seconds_until(min(moments)), 0))
            assert self.world.due()
        for _ in range(6):
            due = self.world.due()
            commands = [("task", task_id, TimeOutTask(at=self.world.now, share=share)) for task_id in due]
            outcomes = {outcome.assignment.aggregate_id: outcome for outcome in self.world.run(*commands)}
            assert all(outcomes[task_id].has_changed for task_id in due)
        assert not self.world.due()

    @rule(pick=_PICK)
    def nothing_happens_before_its_time_or_for_others(self, pick: int) -> None:
        task_id = self.task_id(pick)
        before = self.world.tasks[task_id]
        if task_id not in self.world.due():
            self.tell(task_id, TimeOutTask(at=self.world.now, share=0))
        other = ResolveApproval(at=self.world.now, approval_id=UUID(int=0), status=ApprovalStatus.APPROVED)
        self.tell(task_id, other)
        assert self.world.tasks[task_id] == before

    @invariant()
    def tasks_are_sound(self) -> None:
        for task in self.world.tasks.values():
            check_task_alone(task)

    @invariant()
    def an_approval_is_pending_while_its_task_waits_for_it_and_no_longer(self) -> None:
        waits = [task.waiting for task in self.world.tasks.values() if task.waiting]
        approvals = self.world.approvals.values()
        pending = {approval.approval_id for approval in approvals if approval.status is ApprovalStatus.PENDING}
        assert pending == {waiting.request_id for waiting in waits if waiting.kind == "approval"}


SmallWorld.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSmallWorld = SmallWorld.TestCase
