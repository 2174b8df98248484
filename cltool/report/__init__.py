"""Pictures of results: curves and weights."""
