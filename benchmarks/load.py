"""Load over HTTP from a process of its own: raw requests on keep-alive connections, so that it costs next to nothing.

`measure_load(plan)` runs it and returns what each request took. In the process: a plan as JSON on standard input,
latencies in seconds as JSON on standard output.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from time import perf_counter

import uvloop

__all__ = ["Load", "Measured", "measure_load"]


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: `{number}` in the headers becomes a number that no other request of this plan has.

    `rate` is requests a second over all connections; None: each connection sends as soon as it has its answer.
    """

    port: int
    path: str
    headers: dict[str, str]
    body: str
    seconds: float
    connections: int = 16
    rate: float | None = None
    expected_status: int = 201


@dataclass(frozen=True, slots=True)
class Measured:
    """How a load went: requests a second and the seconds that requests took, ascending."""

    rate: float
    latencies: list[float]

    def quantile(self, share: float) -> float:
        """Return the latency in milliseconds that this share of the requests stayed below."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


async def measure_load(load: Load) -> Measured:
    """Send a load from a process of its own; AssertionError where an answer has another status."""
    words = [sys.executable, "-m", "benchmarks.load"]
    process = await asyncio.create_subprocess_exec(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    told, _ = await process.communicate(json.dumps(asdict(load)).encode())
    assert process.returncode == 0, "the load could not be sent"
    answer = json.loads(told)
    return Measured(answer["rate"], sorted(answer["latencies"]))


async def _read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer with a content length to its end and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head[9:12])


async def _send(load: Load, connection: int, until: float, latencies: list[float]) -> None:
    """Send over one connection until the time is up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    body = load.body.encode()
    told = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    lines = f"POST {load.path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n{told}\r\n"
    number = 0
    beginning = perf_counter() + connection / (load.rate or 1e9)
    while (started := perf_counter()) < until:
        if load.rate is not None and (early := beginning + number * load.connections / load.rate - started) > 0:
            await asyncio.sleep(early)
            started = perf_counter()
        number += 1
        writer.write(lines.replace("{number}", f"{connection}-{number}").encode() + body)
        status = await _read_answer(reader)
        assert status == load.expected_status, status
        latencies.append(perf_counter() - started)
    writer.close()
    await writer.wait_closed()


async def _run(load: Load) -> dict[str, object]:
    """Send over all connections and return what is told."""
    latencies: list[float] = []
    started = perf_counter()
    until = started + load.seconds
    await asyncio.gather(*(_send(load, number, until, latencies) for number in range(load.connections)))
    return {"rate": len(latencies) / (perf_counter() - started), "latencies": latencies}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(Load(**json.load(sys.stdin))))))
