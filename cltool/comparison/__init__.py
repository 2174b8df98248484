"""Comparisons: strategies × seeds on one or several streams; every cell is an ordinary run directory."""
