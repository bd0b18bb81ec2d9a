"""The command API over HTTP, against real servers."""
