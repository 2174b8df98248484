"""What trainings of any kind share: optimisers and schedules, checkpoints, processes."""
