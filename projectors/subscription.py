"""One FastStream subscription of many streams.

FastStream reads each stream by itself: a task, a connection, a blocking XREAD and the whole of its handling for each
delivery, of which sixteen shards under load have many and small ones. One XREAD answers for all streams, and what a
pass of the relay appended comes in one delivery (decision 17). Without a group, and with positions by stream.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, override

from faststream import AckPolicy
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import FAKE_CONSUMER, RedisBatchStreamMessage
from faststream.redis.subscriber.config import RedisSubscriberConfig, RedisSubscriberSpecificationConfig
from faststream.redis.subscriber.specification import StreamSubscriberSpecification
from faststream.redis.subscriber.usecases import LogicSubscriber, StreamBatchSubscriber

from contracts.streams import EntryId, stream_name

__all__ = ["Delivery", "StreamsSubscriber", "subscribe"]

type Delivery = list[tuple[int, list[tuple[bytes, dict[bytes, bytes]]]]]
"""What one read found: (shard, [(entry id, fields)]) for each shard that has something new."""

_MOST_ENTRIES: Final = 2_000
_BLOCK_MILLISECONDS: Final = 2_000


class StreamsSubscriber(StreamBatchSubscriber):
    """Reads the stream of each shard in `starts`, from the entry after that one; `positions` says how far by stream."""

    def __init__(
        self,
        config: RedisSubscriberConfig,
        specification: StreamSubscriberSpecification,
        starts: Mapping[int, EntryId],
    ) -> None:
        super().__init__(config, specification, CallsCollection[Any]())
        self._shards = {stream_name(shard).encode(): shard for shard in starts}
        self.positions: dict[Any, Any] = {stream_name(shard).encode(): str(start) for shard, start in starts.items()}
        self._most_entries = max(1, _MOST_ENTRIES // len(starts))

    @override
    async def start(self) -> None:
        """Start reading; past what FastStream prepares for the reading of one stream."""
        await LogicSubscriber.start(self)

    @override
    def get_log_context(self, message: Any) -> dict[str, str]:
        """Return nothing: no log is written, and FastStream would copy its settings for each delivery."""
        return {}

    @override
    async def _get_msgs(self, *args: Any) -> None:
        """Read once and have the handler take all of it."""
        found: Any = await self._client.xread(self.positions, count=self._most_entries, block=_BLOCK_MILLISECONDS)
        delivery: Any = [(self._shards[name], entries) for name, entries in found]
        for name, entries in found:
            self.positions[name] = entries[-1][0]
        if delivery:
            await self.consume(delivery)


async def _keep_raw(raw: Any) -> RedisBatchStreamMessage:  # noqa: ANN401 - FastStream types it as it likes
    """Return the delivery as a message that carries it as it is: parsed, each JSON would be read three times."""
    return RedisBatchStreamMessage(raw_message=raw, body=b"", consumer=FAKE_CONSUMER, group=None)


async def _return_raw(message: RedisBatchStreamMessage) -> Any:  # noqa: ANN401 - the same
    return message.raw_message


def subscribe(
    broker: RedisBroker, starts: Mapping[int, EntryId], handle: Callable[[Delivery], Awaitable[None]]
) -> StreamsSubscriber:
    """Have `handle` get what the streams bring, once the broker is started."""
    stream = StreamSub(stream_name(next(iter(starts))), batch=True)
    own: Any = broker.config
    config = RedisSubscriberConfig(stream_sub=stream, _outer_config=own, _ack_policy=AckPolicy.MANUAL)
    names = RedisSubscriberSpecificationConfig(title_=None, description_=None, include_in_schema=False)
    specification = StreamSubscriberSpecification(own, names, CallsCollection[Any](), stream_sub=stream)
    subscriber = StreamsSubscriber(config, specification, starts)
    Registrator.subscriber(broker, subscriber)

    async def take(raw: Any) -> None:  # noqa: ANN401 - as the decoder returns it
        await handle(raw)

    subscriber.add_call(parser_=_keep_raw, decoder_=_return_raw, dependencies_=())(take)
    return subscriber
