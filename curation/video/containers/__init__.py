"""Containers of videos, one a file: each says in `CONTAINER` what it is (`curation.video.container`)."""
