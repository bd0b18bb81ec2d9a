"""What is said: golden forms and round trips."""
