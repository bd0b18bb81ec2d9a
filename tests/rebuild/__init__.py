"""Rebuilding read models."""
