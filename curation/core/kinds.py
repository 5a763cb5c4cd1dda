"""Kinds of raw files."""

IMAGE, VIDEO, PAGES, IGNORED = "image", "video", "pages", "ignored"
"""Media types of a raw file; `pages` is a file of several images, each of which is a sample."""
