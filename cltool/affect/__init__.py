"""Valence and arousal of films: networks trained on feature stores, and what they predict."""
