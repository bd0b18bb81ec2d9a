"""A long task that survives the killing of its worker: what was done is in artifacts, and the next attempt goes on."""

from examples.long_task.handler import Block, Job, count_primes

__all__ = ["Block", "Job", "count_primes"]
