"""Tests of the query side, over HTTP and on real servers."""
