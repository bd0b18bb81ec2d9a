"""Integrations that are part of the product, one process each; so far there is none.

An integration of one's own is a program of its own, which needs the streams and nothing of this code:
`examples/stream_consumer` is the pattern, docs/integrations.md the explanation.
"""

__all__: list[str] = []
