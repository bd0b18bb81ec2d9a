"""The line's first step: receipt? → load → decide → evolve → save aggregate, events and receipt → commit.

Never edited for a new command. Every try begins at the receipt, so a command is carried out once, however often it is
sent and wherever a try breaks off; the bounded tries end in a refusal that says so.
"""

from collections.abc import Sequence
from itertools import chain, repeat

import orjson

from command_api.services.aggregates import Facts, read_facts
from command_api.services.changes import change_of
from command_api.services.command_request import CommandAnswer, CommandRequest, Outcome
from command_api.services.decisions import decide_all
from command_api.services.dependencies import CommandDependencies
from command_api.services.envelopes import event_records, message_records, root_of
from command_api.services.guards import guard_of
from command_api.services.readiness import may_bring_work
from contracts.streams import Token, shard_of
from domain.rejection import Conflict, Invalid
from infrastructure.command_loads import LoadRequest, Receipt
from infrastructure.write_store import (
    DuplicateReceiptError,
    StoreUnavailableError,
    UniqueRuleError,
    Write,
    WriteConflictError,
)

__all__ = ["GUARDED_RULES", "MAX_TRIES", "handle_command"]

MAX_TRIES = 24
"""How often a command is tried against others that change the same aggregate; a try is two round trips, and the pauses
before all of them last nine seconds at the most, less than a request may.
"""

_UNAVAILABLE_TRIES = 12
"""From which try on a database that is out of reach is told to the client."""

GUARDED_RULES = {
    "agents_name_key": ("agent_name_taken", "Another agent of this workspace has this name."),
    "budgets_scope_key": ("budget_exists", "This scope has a budget already; change that."),
    "tasks_slot_key": ("agent_busy", "Another task has taken the agent's place for concurrent tasks."),
}
"""What the database guards, by the name of its index: the code and the message of the refusal."""


async def handle_command(request: CommandRequest, dependencies: CommandDependencies) -> CommandAnswer:
    """Carry a command out once and return what came of it.

    Raises Rejection, with `version_conflict` where others always came first, and StoreUnavailableError.
    """
    for number in range(MAX_TRIES):
        if number:
            await dependencies.pause(number)
        try:
            return await _try_once(request, dependencies)
        except (WriteConflictError, DuplicateReceiptError):
            continue
        except StoreUnavailableError:
            if number + 1 >= _UNAVAILABLE_TRIES:
                raise
    raise Conflict("version_conflict", f"Others changed the same aggregate {MAX_TRIES} times; try again.")


async def _try_once(request: CommandRequest, dependencies: CommandDependencies) -> CommandAnswer:
    """Run the line's first step once."""
    loaded = await dependencies.load(
        LoadRequest(request.context.key, request.aggregate_ids, request.agent_names, request.has_messages)
    )
    if loaded.receipt is not None:
        return _replay(loaded.receipt, request.context.fingerprint)
    facts = read_facts(loaded)
    outcomes = decide_all(request.prepare(facts), facts, is_lenient=request.is_lenient)
    result = request.respond(facts, outcomes)
    accepted = [outcome for outcome in outcomes if outcome.rejection is None]
    if not accepted and not request.context.keeps_refusals:
        return CommandAnswer(result, token=None, is_replayed=False)
    try:
        token = await _save(request, result, accepted, facts, dependencies)
    except UniqueRuleError as error:
        return await _answer_twin(request, dependencies, error)
    if any(outcome.events for outcome in accepted):
        dependencies.announce(token.positions)
    if may_bring_work(accepted, facts):
        dependencies.announce_work()
    return CommandAnswer(result, _told(token), is_replayed=False, messages=loaded.messages)


async def _answer_twin(
    request: CommandRequest, dependencies: CommandDependencies, error: UniqueRuleError
) -> CommandAnswer:
    """Return the first answer where the same command, sent twice at once, broke the rule itself; refused otherwise."""
    loaded = await dependencies.load(LoadRequest(request.context.key))
    if loaded.receipt is None:
        raise Conflict(*GUARDED_RULES[error.constraint]) from error
    return _replay(loaded.receipt, request.context.fingerprint)


def _replay(receipt: Receipt, fingerprint: bytes) -> CommandAnswer:
    """Return the first answer again; refused where the same key came with another request."""
    # It may be shorter than one that was stored before such commands had short ones.
    if not receipt.fingerprint.startswith(fingerprint):
        raise Invalid("idempotency_key_reused", "This Idempotency-Key was used with another request.")
    return CommandAnswer(orjson.loads(receipt.result), _told(receipt.token), is_replayed=True)


def _told(token: Token) -> Token | None:
    """Return the token to answer with: none for a command that changed nothing."""
    return token if token.positions else None


async def _save(
    request: CommandRequest,
    result: object,
    outcomes: Sequence[Outcome],
    facts: Facts,
    dependencies: CommandDependencies,
) -> Token:
    """Write all that was decided, in one call."""
    shards = await dependencies.shards()
    event_ids = (make_id() for make_id in repeat(dependencies.make_id))
    events = chain.from_iterable(
        event_records(outcome, request.context, facts.at, event_ids, shards) for outcome in outcomes
    )
    write = Write(
        key=request.context.key,
        fingerprint=request.context.fingerprint,
        result=orjson.dumps(result),
        changes=[change_of(outcome, facts) for outcome in outcomes if outcome.has_changed],
        messages=list(chain.from_iterable(message_records(outcome) for outcome in outcomes)),
        events=list(events),
        shards=frozenset(shard_of(root_of(outcome), shards) for outcome in outcomes),
        guard=guard_of(outcomes, facts),
    )
    return await dependencies.save(write)
