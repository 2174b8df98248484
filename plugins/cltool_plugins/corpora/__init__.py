"""Corpora: annotated films as their owners ship them."""
