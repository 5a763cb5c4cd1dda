"""The curation pipeline: one module a DVC stage, and sub-packages for what several stages share."""
