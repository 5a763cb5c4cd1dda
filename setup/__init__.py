"""Setting up the working environment."""
