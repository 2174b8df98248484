"""Heads: how a task's linear head is fitted."""
