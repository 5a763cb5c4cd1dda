"""Work side by side: in processes, whose death costs one file, and on threads."""
