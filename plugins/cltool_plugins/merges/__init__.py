"""Merges: two heads → one."""
