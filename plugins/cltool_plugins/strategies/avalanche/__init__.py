"""Avalanche's strategies, learned on a cltool stream: what each keeps is counted, and the rest is gone."""
