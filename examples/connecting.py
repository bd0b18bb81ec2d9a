"""What the examples' command lines have in common: where the service is and whose key is used."""

import argparse
import os
from secrets import token_hex  # noqa: TID251 - an example imports nothing of the service but the client

from client import AgentCard, AgentNameTakenError, AgentPolicy, BureauClient

__all__ = ["ENVIRONMENT", "add_connection", "open_client", "register", "unique_name"]

ENVIRONMENT = """\
environment:
  BUREAU_URL, BUREAU_QUERY_URL, BUREAU_API_KEY   stand in for --url, --query-url and --api-key"""


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the service is and whose key is used."""
    environment = os.environ
    parser.add_argument("--url", default=environment.get("BUREAU_URL", "http://127.0.0.1:8000"), help="the service")
    parser.add_argument(
        "--query-url", default=environment.get("BUREAU_QUERY_URL"), help="where queries go, if elsewhere"
    )
    parser.add_argument("--api-key", default=environment.get("BUREAU_API_KEY"), help="better given in the environment")


def open_client(options: argparse.Namespace, api_key: str | None = None) -> BureauClient:
    """Return a client of the options, with another key where one is given; raises ValueError without any."""
    key = api_key or options.api_key
    if not key:
        raise ValueError("no API key: set BUREAU_API_KEY or give --api-key")
    return BureauClient(options.url, key, options.query_url)


async def register(client: BureauClient, agent: str, description: str, policy: AgentPolicy) -> None:
    """Register the agent unless there is one of this name: that keeps its policy."""
    try:
        await client.register_agent(agent, card=AgentCard(description=description), policy=policy)
    except AgentNameTakenError:
        return


def unique_name(beginning: str) -> str:
    """Return a name that no other agent has."""
    return f"{beginning}-{token_hex(4)}"
