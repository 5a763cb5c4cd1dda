"""Looking at what was recorded: iterations, samples, and whether all is as it should be."""
