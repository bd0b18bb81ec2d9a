"""Whether every position that a receipt names is there."""

from collections.abc import Iterator, Mapping
from typing import Final

from bureau.verification.differences import Kind, note_all
from bureau.verification.scope import Work
from bureau.verification.shards import epoch_of
from infrastructure.verification import FIRST_RECEIPT, ReceiptPositions, ShardCut, read_cuts, read_receipts

__all__ = ["compare_receipt", "verify_receipts"]

_PAGE: Final = 2_000


async def verify_receipts(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Look at all receipts; heads are read after each page, so that they cover what its commands committed."""
    after = FIRST_RECEIPT
    while page := await read_receipts(work.pool, after, limit=_PAGE):
        if any(_is_beyond(receipt, cuts) for receipt in page):
            cuts = await read_cuts(work.pool)
        for receipt in page:
            note_all(work.findings, compare_receipt(receipt, cuts))
        after = page[-1].key
        work.tally.add("receipts", len(page))
        work.advance("receipts", work.tally.of("receipts"), None)


def _is_beyond(receipt: ReceiptPositions, cuts: Mapping[int, ShardCut]) -> bool:
    """Tell whether a receipt names what came after the cuts: a position, or an epoch."""
    return any(
        position > cuts[shard].head.position or receipt.epoch > cuts[shard].epochs[-1][0]
        for shard, position in zip(receipt.shards, receipt.positions, strict=False)
        if shard in cuts
    )


def compare_receipt(receipt: ReceiptPositions, cuts: Mapping[int, ShardCut]) -> Iterator[tuple[Kind, str, str]]:
    """Say which of a receipt's positions are not there, or that its epoch is not.

    One epoch stands for all its shards: that of the newest position. A shard in which nothing changed has its head
    there, behind which that epoch may just have begun. A later epoch of a position is none of the receipt's business:
    a bump moves events and leaves receipts as they are.
    """
    where = f"receipt {'/'.join(receipt.key)}"
    if len(receipt.shards) != len(receipt.positions):
        yield Kind.RECEIPT_POSITION, where, f"{len(receipt.shards)} shards, {len(receipt.positions)} positions"
        return
    newest = 0
    for shard, position in zip(receipt.shards, receipt.positions, strict=True):
        cut = cuts.get(shard)
        if cut is None:
            yield Kind.RECEIPT_POSITION, where, f"it names shard {shard}, which is not there"
            return
        newest = max(newest, epoch_of(cut.epochs, position + 1))
        if position > cut.head.position:
            words = f"it names position {position} of shard {shard}, which ends at {cut.head.position}"
            yield Kind.RECEIPT_POSITION, where, words
    if receipt.shards and receipt.epoch > newest:
        yield Kind.RECEIPT_POSITION, where, f"it names epoch {receipt.epoch}, but its positions are of {newest} at most"
