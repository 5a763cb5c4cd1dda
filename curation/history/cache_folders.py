"""Where DVC keeps its cache, read from its settings without DVC."""

import configparser
from pathlib import Path


def cache_folders(dvc_folder: Path) -> list[Path]:
    """List where DVC keeps its cache, to which it may link raw files: the usual place, and those configured.

    Args:
        dvc_folder: `.dvc` of the repository; relative places are relative to it.
    """
    folders = [dvc_folder / "cache"]
    for name in ("config", "config.local"):
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            config.read_string((dvc_folder / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        configured = config.get("cache", "dir", fallback=None)
        if configured:
            folders.append(dvc_folder / Path(configured.strip("\"'")).expanduser())
    return folders
