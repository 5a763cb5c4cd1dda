"""Raw data that stays in its bucket: pinned listings of its objects, and fetching single ones."""
