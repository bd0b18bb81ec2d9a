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
        if any(
            position > cuts[shard].head.position
            for receipt in page
            for shard, position in zip(receipt.shards, receipt.positions, strict=False)
            if shard in cuts
        ):
            cuts = await read_cuts(work.pool)
        for receipt in page:
            note_all(work.findings, compare_receipt(receipt, cuts))
        after = page[-1].key
        work.tally.add("receipts", len(page))
        work.advance("receipts", work.tally.of("receipts"), None)


def compare_receipt(receipt: ReceiptPositions, cuts: Mapping[int, ShardCut]) -> Iterator[tuple[Kind, str, str]]:
    """Say which of a receipt's positions are not there."""
    where = f"receipt {'/'.join(receipt.key)}"
    if len(receipt.shards) != len(receipt.positions):
        yield Kind.RECEIPT_POSITION, where, f"{len(receipt.shards)} shards, {len(receipt.positions)} positions"
        return
    for shard, position in zip(receipt.shards, receipt.positions, strict=True):
        cut = cuts.get(shard)
        if cut is None:
            yield Kind.RECEIPT_POSITION, where, f"it names shard {shard}, which is not there"
        elif position > cut.head.position:
            words = f"it names position {position} of shard {shard}, which ends at {cut.head.position}"
            yield Kind.RECEIPT_POSITION, where, words
        elif receipt.epoch > epoch_of(cut.epochs, max(1, position)) and position:
            words = f"it names epoch {receipt.epoch} for position {position} of shard {shard}, which is older"
            yield Kind.RECEIPT_POSITION, where, words
