"""Faults of every kind against real servers and processes, and the proof that what they look for would be found."""
