"""The `bureau` command line and the local runtime: embedded servers, supervision of processes.

Stands left of the line: it starts and watches the processes and is imported by none of them.
"""

__all__: list[str] = []
