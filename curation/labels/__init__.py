"""Labels and predictions as tools write them: reading, and finding the samples that they are about."""
