"""The outcomes of attacks, counted."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

Tree = dict[str, str]
"""SHA-256 of each file in a folder, by its path in there; a file as itself has the path "."."""


@dataclass
class Tally:
    """The outcomes of all attacks of one kind.

    *Crashed*: what should have worked failed. *Lost*: something that was there before is neither the former nor the new
    content, or is gone. *Silent*: something said that it was done, or a damaged file was read, and the content was
    wrong. *Repaired*, of those tried: `curate repair` had to bring back a file of DVC before it could go on.
    """

    tried: int = 0
    crashed: int = 0
    lost: int = 0
    silent: int = 0
    repaired: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """The number of times that something went wrong."""
        return self.crashed + self.lost + self.silent

    def sentence(self, name: str) -> str:
        """Return the line of the table, and up to twenty more that say what went wrong."""
        line = f"{name:34} {self.tried:6} tried, {self.crashed} crashed, {self.lost} lost, {self.silent} silent"
        line += f", {self.repaired} repaired" * (self.repaired > 0)
        return "\n".join([line, *(f"    {told}" for told in self.told[:20])])


def tree(path: Path) -> Tree:
    """Return what is there; temporary names don't count."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    found = {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return {name: value for name, value in found.items() if not Path(name).name.startswith(".writing-")}
