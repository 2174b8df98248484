"""Presets: settings under which valence–arousal networks are trained."""
