"""The report's documents, and everything written below `reports/`."""
