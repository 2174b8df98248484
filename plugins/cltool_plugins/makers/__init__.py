"""Makers: data sets that anyone can make, marked as synthetic."""
