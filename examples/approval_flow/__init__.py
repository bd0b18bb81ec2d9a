"""An agent that may do dangerous things only when people have approved, and the people who decide."""

from examples.approval_flow.handler import POLICY, tidy_up

__all__ = ["POLICY", "tidy_up"]
