"""Decoding of which any error means that it is not to be trusted."""

from collections.abc import Sequence

import av

from curation.video.opening import error_text
from curation.video.packet_index import UnsureError
from curation.video.shown_part import ShownPart
from curation.video.told_damage import damage_told


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
        with damage_told(context) as told:
            pictures = [*map(shown_part, context.decode(packet))]
        if (damage := told()) is not None:
            raise damage
        return pictures
    except MemoryError:
        raise
    except av.error.EOFError:
        return []
    except Exception as error:  # a decoder fails in its own ways on damaged data
        raise UnsureError(error_text(error)) from None
