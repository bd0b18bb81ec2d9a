"""One task through the whole system, started for real, watched on its way, checked at the end."""

from bureau.demo.agreement import Agreement, check_agreement
from bureau.demo.hops import Hop
from bureau.demo.story import AGENT_NAME, DemoInput, DemoResult, follow_story, register_agent, retire_agent

__all__ = [
    "AGENT_NAME",
    "Agreement",
    "DemoInput",
    "DemoResult",
    "Hop",
    "check_agreement",
    "follow_story",
    "register_agent",
    "retire_agent",
]
