"""The figures of the report, computed once."""
