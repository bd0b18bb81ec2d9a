"""What a receipt may say of positions and epochs: one epoch stands for all its shards."""

import pytest

from bureau.verification.receipts import compare_receipt
from contracts.streams import EntryId
from infrastructure.verification import ReceiptKey, ReceiptPositions, ShardCut

BEGINNING = EntryId(0, 0)
QUIET = ShardCut(5, BEGINNING, EntryId(1, 14), 0, ((1, 1), (2, 15)))
"""Epoch 2 has begun behind its head, and nothing came since."""
BUSY = ShardCut(6, BEGINNING, EntryId(2, 30), 0, ((1, 1), (2, 11)))


def differences(epoch: int, **positions: int) -> list[str]:
    places = {int(shard[1:]): position for shard, position in positions.items()}
    receipt = ReceiptPositions(ReceiptKey("default", "me", "k"), epoch, tuple(places), tuple(places.values()))
    return [words for _, _, words in compare_receipt(receipt, {5: QUIET, 6: BUSY})]


@pytest.mark.parametrize(
    ("epoch", "positions"),
    [
        (1, {"s5": 14}),
        (2, {"s6": 11}),
        (2, {"s5": 14, "s6": 12}),  # nothing happened in shard 5: its head, behind which the epoch has begun
        (2, {"s5": 3, "s6": 12}),
        (1, {"s5": 14, "s6": 12}),  # written in epoch 1, and moved by a bump that left the receipt alone
        (1, {"s5": 3, "s6": 10}),
        (1, {"s5": 0}),
    ],
)
def test_what_commands_and_bumps_write_is_no_difference(epoch: int, positions: dict[str, int]) -> None:
    assert differences(epoch, **positions) == []


def test_a_position_behind_the_head_is_not_there() -> None:
    assert differences(2, s6=31) == ["it names position 31 of shard 6, which ends at 30"]


def test_an_epoch_that_none_of_the_positions_reaches_is_a_difference() -> None:
    assert differences(2, s5=13, s6=3) == ["it names epoch 2, but its positions are of 1 at most"]


def test_a_shard_that_is_not_there_is_a_difference() -> None:
    assert differences(1, s7=1) == ["it names shard 7, which is not there"]
