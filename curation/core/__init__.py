"""What everything rests on: errors, whole files, hashes, cores."""
