"""Hooks of MkDocs: the navigation is the lists of docs/README.md, and links out of docs/ lead to the repository.

So the pages read the same on a Git host and as a website, and each is listed in one place only.
"""

import posixpath
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

LISTED = re.compile(r"^- \[([^\]]+)\]\(([^)]+)\)", re.MULTILINE)
"""An entry of a list of pages: title and path."""

LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)\s]+)\)")
"""A link that leaves a page's folder upwards: text and target."""


def navigation(index: str) -> list[dict[str, Any]]:
    """Return MkDocs' navigation as the index page lists it.

    Args:
        index: Markdown with a heading of the second level for each section, and below it a list of links to pages.

    Returns:
        The index page, the tutorial, and a mapping from each section's heading to its pages.
    """
    sections = re.split(r"^## +", index, flags=re.MULTILINE)[1:]
    pages: list[dict[str, Any]] = [{"Documentation": "README.md"}, {"Tutorial": "tutorial.md"}]
    for section in sections:
        heading, _, body = section.partition("\n")
        pages.append({heading.strip(): [{title: path} for title, path in LISTED.findall(body)]})
    return pages


def with_links_to_the_repository(markdown: str, page: str, repository: str | None) -> str:
    """Let links to files outside docs/ lead to the repository; without an address of one, only their text stays.

    Args:
        markdown: a page's text.
        page: its path below docs/.
        repository: address of the repository on a Git host, `repo_url` of mkdocs.yml.
    """

    def replace(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
        if path.startswith("docs/"):
            return match[0]
        return f"[{text}]({repository.rstrip('/')}/blob/HEAD/{path})" if repository else text

    return LINK.sub(replace, markdown)


def on_config(config: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Set the navigation; MkDocs calls this once, before it looks for pages."""
    config["nav"] = navigation(Path(config["docs_dir"], "README.md").read_text(encoding="utf-8"))
    return config


def on_page_markdown(markdown: str, page: Any, config: MutableMapping[str, Any], files: object) -> str:
    """Return a page's text with links that hold outside the repository; MkDocs calls this for every page."""
    return with_links_to_the_repository(markdown, page.file.src_uri, config["repo_url"])
