"""Container structure read without decoding: which frames a file announces, and where it is broken.

FFmpeg's demuxers are made to play on: after damage they look for the next place that makes sense and say nothing of
what they skipped. The readers here follow the same headers, find their way back to the next sound one sooner, and
report what they met. They read headers, or in transport and program streams and Ogg all bytes once; they decode nothing
and never raise on damage.
"""
