"""What is found in the file of an image beside its pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """What is found in a file.

    Attributes:
        damage: why its picture is not whole; empty if it is.
        note: what else is wrong with the file; empty as a rule.
        lacks_end: whether it is whole but for its end marker.
    """

    damage: str = ""
    note: str = ""
    lacks_end: bool = False


SOUND = Findings()
