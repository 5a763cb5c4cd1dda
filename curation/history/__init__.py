"""The place of an iteration in the history of git and DVC: the datapool that it builds on."""
