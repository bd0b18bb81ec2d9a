"""The line as a small state machine, explored exhaustively: more than any schedule of a real test tries."""
