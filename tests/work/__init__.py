"""Workers as real processes, and what becomes of their tasks when they are killed or stopped."""
