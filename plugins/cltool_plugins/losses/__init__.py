"""Losses: what training on sequences of continuous outputs, such as valence and arousal, lowers."""
