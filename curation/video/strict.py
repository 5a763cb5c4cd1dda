"""Decoding of which any error means that it is not to be trusted."""

from collections.abc import Sequence

import av

from curation.video.opening import error_text
from curation.video.packet_index import UnsureError
from curation.video.shown_part import ShownPart


def decode_strictly(
    context: av.VideoCodecContext, packet: "av.Packet[av.VideoStream] | None", shown_part: ShownPart
) -> Sequence[av.VideoFrame]:
    """Return the frames that a packet lets out of a decoder.

    Args:
        context: the decoder.
        packet: what to decode; None asks for all that the decoder still holds.
        shown_part: cuts the frames to what is to be shown.

    Raises:
        UnsureError: the decoder fails.
    """
    try:
        return [*map(shown_part, context.decode(packet))]
    except MemoryError:
        raise
    except av.error.EOFError:
        return []
    except Exception as error:  # a decoder fails in its own ways on damaged data
        raise UnsureError(error_text(error)) from None
