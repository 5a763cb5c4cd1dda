"""VP8: which frames are only held for reference (RFC 6386, section 9.1)."""


def is_hidden(tag: int) -> bool:
    """Return whether a frame is never shown.

    A key frame is always shown, since an encoder has no use for a hidden one: where it says otherwise, it is damaged.

    Args:
        tag: first byte of the frame: bit 0 is 0 in a key frame, bit 4 is `show_frame`.
    """
    return bool(tag & 1) and not tag >> 4 & 1
