"""Free TCP ports for local servers, below 32768: higher ones are handed out by the kernel and clash."""

import socket
from contextlib import closing
from random import SystemRandom

from bureau.embedded.errors import PortTakenError

__all__ = ["claim_port", "find_free_port", "find_listening_error", "is_port_free"]

_FIRST, _LAST, _ATTEMPTS = 20_000, 31_999, 200


def find_free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nothing listened on a moment ago; a start that loses the race is repeated with another."""
    randomness = SystemRandom()
    for _ in range(_ATTEMPTS):
        port = randomness.randint(_FIRST, _LAST)
        if is_port_free(port, host):
            return port
    message = f"no free port between {_FIRST} and {_LAST} on {host}: stop something that listens there"
    raise PortTakenError(message)


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    return find_listening_error(port, host) is None


def find_listening_error(port: int, host: str) -> OSError | None:
    """Return why a server could not listen there now, None where it could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def claim_port(port: int, owner: str) -> int:
    """Return `port` if it is free, another free one for 0; raises PortTakenError, in which `owner` is named."""
    if port == 0:
        return find_free_port()
    if is_port_free(port):
        return port
    message = f"port {port} is taken: stop what listens there, or choose another port for {owner}"
    raise PortTakenError(message)
