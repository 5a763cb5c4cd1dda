"""What is chosen, how far apart, given what was chosen before."""
