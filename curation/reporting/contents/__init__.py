"""Every figure of the report. PDF, HTML, JSON, metrics and CSV files render these models and compute nothing."""
