"""The foundation of all rooms: errors, whole files, hashes, cores."""
