"""Programs that load exports with the tools that people use, by hand: `docs/dev/tools.md`."""
