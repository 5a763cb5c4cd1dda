"""The choice of samples, far apart from each other and from what was chosen before."""
