"""Selected samples on their way to people and labelling tools: pictures in full size, and lists in their formats."""
