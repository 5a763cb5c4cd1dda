"""What Python does at its start in `.venv`."""
