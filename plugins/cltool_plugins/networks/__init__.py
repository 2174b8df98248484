"""Networks: features of a film's frames → valence and arousal."""
