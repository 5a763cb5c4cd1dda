"""Methods of training, one a file: each says in `METHOD` what it is (`curation.model.training.method`)."""
