"""Video: films decoded frame by frame, what modalities find in them, and the store that keeps it."""
