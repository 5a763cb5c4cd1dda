"""The engine of the curation pipeline: everything that its stages and the command-line tool share."""
