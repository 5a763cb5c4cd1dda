"""The report: its figures, charts, pictures and documents."""
