"""The books of a storm: what its audit has to find, done by hand, and what it must let pass."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from infrastructure.postgres import Pool
from tests.faults.journal import Acknowledged, Lost, is_perhaps_lost, last_number, open_journal, read_journals, write
from tests.faults.ledger import Audit, audit, find_wrong_history
from tests.faults.writers import HOT_AGENTS
from tests.write_path.agents import register_agents, update_agents


def said(key: str, events: int, *, status: int = 200, code: str = "") -> Acknowledged:
    return Acknowledged(key, status, code, time.monotonic(), 0.0, events)


@pytest.fixture
async def journals(pool: Pool, tmp_path: Path) -> Path:
    """Two commands, carried out and noted."""
    journal = open_journal(tmp_path / "writers-1.journal")
    await register_agents(pool, "writers-1a-0", HOT_AGENTS)
    write(journal, said("writers-1a-0", len(HOT_AGENTS)))
    await update_agents(pool, "writers-1a-1", HOT_AGENTS[:3])
    write(journal, said("writers-1a-1", 3))
    return tmp_path


async def open_books(database_url: str, journals: Path, *more: Acknowledged, losses: tuple[Lost, ...] = ()) -> Audit:
    journal = open_journal(journals / "tasks-1.journal")
    for each in more:
        write(journal, each)
    return await audit(database_url, journals, losses)


async def test_books_that_agree_have_no_fault(database_url: str, journals: Path) -> None:
    books = await open_books(database_url, journals, said("cancel-x", 0, status=409, code="wrong_state"))

    assert books.faults == []
    assert (books.acknowledged, books.refusals) == ({"writers": 2}, {"wrong_state": 1})


async def test_an_acknowledged_command_that_is_not_in_the_log_is_a_fault(database_url: str, journals: Path) -> None:
    books = await open_books(database_url, journals, said("writers-1a-2", 3))

    assert books.faults == ["writers-1a-2 was told 3 events [], the log has 0 []"]


async def test_a_command_with_more_events_than_its_client_was_told_is_a_fault(
    database_url: str, journals: Path, pool: Pool
) -> None:
    await update_agents(pool, "writers-1a-2", HOT_AGENTS[:4])

    books = await open_books(database_url, journals, said("writers-1a-2", 2))

    assert books.faults == ["writers-1a-2 was told 2 events [], the log has 4 []"]


async def test_events_without_a_receipt_and_receipts_without_events_are_faults(
    database_url: str, journals: Path, pool: Pool
) -> None:
    await pool.execute("UPDATE write.receipts SET key = 'writers-1a-7' WHERE key = 'writers-1a-1'")

    books = await open_books(database_url, journals)

    assert sorted(books.faults) == [
        "writers-1a-1: receipt of nothing events, the log has 3",
        "writers-1a-7: receipt of 3 events, the log has 0",
    ]


async def test_what_a_restore_took_back_may_be_missing_and_nothing_else(database_url: str, journals: Path) -> None:
    began = time.monotonic()
    forgotten = said("writers-1a-2", 3)
    ended = time.monotonic()
    later = said("writers-1a-3", 3)

    books = await open_books(database_url, journals, forgotten, later, losses=(Lost(began, ended),))

    assert books.faults == ["writers-1a-3 was told 3 events [], the log has 0 []"]
    assert books.forgotten == 1


@pytest.mark.parametrize(
    ("sent", "answered", "is_lost"), [(1, 9, False), (1, 11, True), (15, 16, True), (19, 21, True), (20, 21, False)]
)
def test_only_what_was_answered_after_the_backup_and_sent_before_it_was_back_may_be_lost(
    sent: float, answered: float, *, is_lost: bool
) -> None:
    assert is_perhaps_lost(Acknowledged("k", 200, "", sent, answered, 1), [Lost(10, 20)]) == is_lost


async def test_answers_that_nobody_may_get_are_faults(database_url: str, journals: Path) -> None:
    wrong = [
        said("submit-a", 0, status=500, code="internal_error"),
        said("cancel-a", 0, status=404, code="task_not_found"),
    ]

    books = await open_books(database_url, journals, *wrong)

    assert books.faults == ["submit-a was answered 500 internal_error", "cancel-a was answered 404 task_not_found"]
    assert (await open_books(database_url, journals, losses=(Lost(0, 1),))).faults == [
        "submit-a was answered 500 internal_error"
    ]


def test_half_a_line_that_a_kill_left_is_no_answer(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "tasks-1.journal")
    write(journal, said("submit-tasks-1a-7", 1))
    os.write(journal.descriptor, b'["submit-tasks-1a-8",200,"",1.0')

    assert [each.key for each in read_journals(tmp_path)] == ["submit-tasks-1a-7"]
    assert last_number(tmp_path / "tasks-1.journal", "submit-tasks-1a") == 8


def event(version: int, kind: str, **data: object) -> dict[str, Any]:
    return {"type": kind, "aggregateversion": version, "data": data}


def report(version: int, kind: str, worker: str, attempt: int) -> dict[str, Any]:
    return event(version, kind, attempt=attempt, message={"parts": [{"text": f"{worker} {attempt}"}]})


SUBMITTED, STARTED = event(1, "task.submitted"), event(2, "task.started", worker="w", attempt=1)


@pytest.mark.parametrize(
    "history",
    [
        [SUBMITTED, STARTED, report(3, "task.progressed", "v", 1)],  # of another worker
        [SUBMITTED, STARTED, report(3, "task.progressed", "w", 2)],  # of another attempt
        [SUBMITTED, STARTED, report(3, "task.completed", "w", 1), event(4, "task.canceled")],
        [SUBMITTED, event(2, "task.submitted")],
        [SUBMITTED, event(3, "task.canceled")],
        [event(1, "task.started", worker="w", attempt=1)],
    ],
)
def test_a_history_that_cannot_be_is_found(history: list[dict[str, Any]]) -> None:
    assert list(find_wrong_history("t", history))


def test_a_history_as_it_should_be_is_let_pass() -> None:
    history = [SUBMITTED, STARTED, report(3, "task.progressed", "w", 1), report(4, "task.completed", "w", 1)]

    assert list(find_wrong_history("t", history)) == []
