"""Where an iteration stands in git and DVC history: which datapool it builds on."""
