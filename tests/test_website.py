"""The pages of docs/ build as a website, with the navigation of docs/README.md and no link that leads nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from setup.website import navigation, with_links_to_the_repository
from tests.test_readme import ROOT

INDEX = """# Documentation

Start with the [tutorial](tutorial.md).

## Guides

- [Your data](guides/your-data.md): which files
- [Strategies](strategies.md)

## Development

- [Torture](dev/torture.md)
"""


def test_the_navigation_is_the_index_pages_lists() -> None:
    assert navigation(INDEX) == [
        {"Documentation": "README.md"},
        {"Tutorial": "tutorial.md"},
        {"Guides": [{"Your data": "guides/your-data.md"}, {"Strategies": "strategies.md"}]},
        {"Development": [{"Torture": "dev/torture.md"}]},
    ]


def test_links_out_of_docs_lead_to_the_repository() -> None:
    page = "[`atomic.py`](../../curation/core/atomic.py), [rules](../strategies.md), [web](https://example.org)"
    rest = ", [rules](../strategies.md), [web](https://example.org)"
    linked = "[`atomic.py`](https://example.org/project/blob/HEAD/curation/core/atomic.py)"
    assert with_links_to_the_repository(page, "dev/x.md", "https://example.org/project/") == linked + rest
    assert with_links_to_the_repository(page, "dev/x.md", None) == "`atomic.py`" + rest


@pytest.mark.thorough
def test_the_website_builds_strictly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    for page in pages - {Path("README.html")} | {Path("index.html")}:
        assert (tmp_path / "site" / page).is_file(), page
