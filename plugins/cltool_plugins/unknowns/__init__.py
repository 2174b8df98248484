"""Unknowns: what the `unknown` row of a task's head learns from."""
