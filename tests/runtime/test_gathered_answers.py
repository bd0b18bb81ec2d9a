"""What is written in one step leaves in one call, in order, before the connection closes, and never after."""

import asyncio

from infrastructure.web.gathering import gathered


class Connection(asyncio.Transport):
    """A connection that keeps each call's bytes."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def test_what_is_written_in_one_step_leaves_in_one_call_and_each_step_by_itself() -> None:
    connection = Connection()
    transport = gathered(connection)

    transport.write(b"head ")
    transport.write(b"body")
    assert connection.calls == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)

    assert connection.calls == [b"head body", b"next"]


async def test_what_was_written_leaves_before_the_connection_closes() -> None:
    connection = Connection()
    transport = gathered(connection)

    transport.write(b"last words")
    transport.close()
    assert (connection.calls, transport.is_closing()) == ([b"last words"], True)
    await asyncio.sleep(0)

    assert connection.calls == [b"last words"]


async def test_a_connection_that_is_gone_takes_nothing() -> None:
    connection = Connection()
    transport = gathered(connection)

    transport.write(b"too late")
    connection.is_closed = True
    await asyncio.sleep(0)

    assert connection.calls == []


async def test_much_leaves_at_once_so_that_the_transport_can_say_that_it_is_full() -> None:
    connection = Connection()
    transport = gathered(connection)

    transport.write(b"head")
    transport.write(b"x" * 100_000)

    assert connection.calls == [b"head" + b"x" * 100_000]
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)
