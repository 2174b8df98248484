"""Surgeries: operations on one head's weights."""
