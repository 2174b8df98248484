"""Modalities: what the frames of a film become, a row of numbers each."""
