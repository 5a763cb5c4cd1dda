"""Numbers and errors in words, for people."""


def in_one_line(error: BaseException) -> str:
    """Return what an error says, and its type, in one line."""
    words = " ".join(str(error).split()) or "no details"
    return f"{words} ({type(error).__name__})"


def in_bytes(count: float) -> str:
    """Return an amount of data with its unit, to two or three digits: `3.1 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.0f} TB" if count >= 10 else f"{count:.1f} TB"


def counted(number: int, word: str) -> str:
    """Return a number and what is counted, in the plural but for one."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
