"""Kinds of raw files."""

IMAGE, VIDEO, IGNORED = "image", "video", "ignored"
"""Media types of a raw file."""
