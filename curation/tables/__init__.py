"""The columns of every table, and how tables are read and written."""
