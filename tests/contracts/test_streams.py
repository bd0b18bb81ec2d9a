"""Golden forms of the addresses on the line: a reader in another language relies on exactly these."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.streams import (
    APPLIED_CHANNEL,
    LEASES_CHANNEL,
    READY_CHANNEL,
    WAKE_CHANNEL,
    EntryId,
    InvalidTokenError,
    Token,
    format_token,
    parse_token,
    shard_of,
    stream_name,
)

# Made with another CRC-32 than ours (PostgreSQL 18's crc32(bytea)), for 16, 7 and 1024 shards.
GOLDEN_SHARDS = [
    ("00000000-0000-0000-0000-000000000000", 5, 1, 853),
    ("ffffffff-ffff-ffff-ffff-ffffffffffff", 10, 0, 538),
    ("00000000-0000-0000-0000-000000000001", 3, 0, 963),
    ("01a1ff4e-7a00-7000-8000-00000000000a", 10, 0, 650),
    ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 15, 6, 959),
    ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 6, 2, 134),
    ("12345678-9abc-4def-8012-3456789abcde", 4, 0, 788),
]


def crc32_by_definition(data: bytes) -> int:
    """Return CRC-32 bit by bit, as in ISO 3309: reflected polynomial 0xEDB88320, all ones before and after."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0xEDB88320 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


@pytest.mark.parametrize(("root_id", "of_16", "of_7", "of_1024"), GOLDEN_SHARDS)
def test_the_shard_of_a_root_never_changes(root_id: str, of_16: int, of_7: int, of_1024: int) -> None:
    root = UUID(root_id)

    assert (shard_of(root, 16), shard_of(root, 7), shard_of(root, 1024)) == (of_16, of_7, of_1024)


@given(st.uuids(), st.integers(1, 1024))
def test_the_shard_is_the_crc_of_the_sixteen_bytes(root_id: UUID, shards: int) -> None:
    assert shard_of(root_id, shards) == crc32_by_definition(root_id.bytes) % shards


def test_roots_spread_over_all_shards() -> None:
    counts = [0] * 16
    for number in range(16_000):
        counts[shard_of(UUID(int=number << 64 | number), 16)] += 1

    assert min(counts) > 800
    assert max(counts) < 1200


def test_names_of_streams_and_channels_are_fixed() -> None:
    assert (stream_name(0), stream_name(15)) == ("bureau:{events:0}", "bureau:{events:15}")
    assert (WAKE_CHANNEL, APPLIED_CHANNEL, READY_CHANNEL) == ("bureau:wake", "bureau:applied", "bureau:ready")
    assert LEASES_CHANNEL == "bureau:leases"


def test_an_entry_id_is_epoch_dash_position_and_sorts_by_both() -> None:
    assert str(EntryId(2, 17)) == "2-17"
    assert f"{EntryId(1, 0)}" == "1-0"
    assert sorted([EntryId(2, 1), EntryId(1, 10), EntryId(1, 9)]) == [EntryId(1, 9), EntryId(1, 10), EntryId(2, 1)]


def test_a_token_is_written_with_its_shards_ascending() -> None:
    assert format_token(Token(1, {7: 9, 3: 42})) == "1.3:42,7:9"


@given(
    st.integers(0, 10**9 - 1),
    st.dictionaries(st.integers(0, 9999), st.integers(0, 10**18 - 1), min_size=1, max_size=1024),
)
def test_every_token_comes_back_from_its_text(epoch: int, positions: dict[int, int]) -> None:
    token = Token(epoch, positions)

    assert parse_token(format_token(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.",
        "1.3",
        "1.3:",
        "1.:4",
        ".3:4",
        "1.3:4,",
        "1.,3:4",
        "1.3:4,,5:6",
        "1.3:4,3:6",
        "1.3:4;5:6",
        "1,3:4",
        "-1.3:4",
        "1.-3:4",
        "1.3:-4",
        "+1.3:4",
        "1.3:4 ",
        " 1.3:4",
        "1.3:4\n",
        "1.3:4\x00",
        "1.3: 4",
        "1.3:4.5",
        "1.3:1e3",
        "1.3:1_000",
        "0x1.3:4",
        "\uff11.3:4",
        "1.\u0663:4",
        "1.3:\u00b2",
        "1234567890.3:4",
        "1.12345:4",
        "1.3:1234567890123456789",
        "1.3:" + "9" * 5000,
        "1." + ",".join(f"{shard}:1" for shard in range(1025)),
        "'; DROP TABLE log.events; --",
    ],
)
def test_a_hostile_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        parse_token(text)


@given(st.text(alphabet="0123456789.:,-+ e_\n", max_size=30))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    try:
        token = parse_token(text)
    except InvalidTokenError:
        return
    assert parse_token(format_token(token)) == token
