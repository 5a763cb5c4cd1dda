"""The parameters of the pipeline: their schema and how they are read."""
