"""A portrait that shows given valence and arousal in face, bearing and voice: films for whoever has no data set."""
