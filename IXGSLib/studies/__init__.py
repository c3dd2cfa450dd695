"""Studies: many runs compared, and the ratings of readers."""
