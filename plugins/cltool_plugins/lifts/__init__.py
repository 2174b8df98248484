"""Lifts: fixed maps of the features, under the heads."""
