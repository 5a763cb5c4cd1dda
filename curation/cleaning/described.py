"""What is known of a decoded file as JSON and columns of numbers and texts, to the bit, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from curation.cleaning.crop_shards import KeptCrop
from curation.cleaning.decode_file import DecodedFile
from curation.core.records import Buffer, Records
from curation.image.decoded_sample import DecodedSample
from curation.image.quality import Quality
from curation.image.window import ValueRange, Window

Description = Mapping[str, Any]
"""What is known besides the columns, as JSON can hold it: `file`, `sample` where there is one alone, and `tables`."""

_TABLES: Final = {"samples": DecodedSample, "crops": KeptCrop}
_RANGES: Final = {"values": ValueRange, "window": Window}
_FIELDS: Final = tuple(field.name for field in fields(DecodedFile) if field.name not in _TABLES)
_DEFAULTS: Final = tuple(field.default for field in fields(DecodedFile) if field.name not in _TABLES)
_PLAIN: Final = tuple(field.name for field in fields(DecodedSample) if field.name != "quality")
_FIGURES: Final = tuple(field.name for field in fields(Quality))

# Quicker than a loop of `getattr`, which counts where there are many images.
_values_of: Final = attrgetter(*_FIELDS)
_plain_of: Final = attrgetter(*_PLAIN)
_figures_of: Final = attrgetter(*_FIGURES)


def described(decoded: DecodedFile) -> tuple[Description, list[Buffer]]:
    """Return what is known of a file, and the columns of its tables."""
    values = zip(_FIELDS, _values_of(decoded), _DEFAULTS, strict=True)
    file = {name: value for name, value, default in values if value != default}
    if len(decoded.samples) == 1 and not decoded.crops:  # as of most images, for which tables take their time
        (sample,) = decoded.samples
        figures = None if sample.quality is None else _figures_of(sample.quality)
        return {"file": file, "sample": (_plain_of(sample), figures)}, []
    rows = {"samples": decoded.samples, "crops": decoded.crops}
    tables = {name: Records.of(kind, rows[name]) for name, kind in _TABLES.items() if rows[name]}
    columns = {name: list(records.buffers()) for name, records in tables.items()}
    sizes = {name: (len(tables[name]), list(map(len, columns[name]))) for name in tables}
    return {"file": file, "tables": sizes}, list(chain.from_iterable(columns.values()))


def decoded_of(description: Description, read: Callable[[int], bytes]) -> DecodedFile:
    """Return the file that was described.

    Args:
        description: of `described`.
        read: returns so many of the next bytes of the columns.
    """
    known: dict[str, Any] = {**description["file"], "samples": (), "crops": ()}
    known |= {name: kind(*known[name]) for name, kind in _RANGES.items() if name in known}
    if "sample" in description:
        plain, figures = description["sample"]
        quality = None if figures is None else Quality(**dict(zip(_FIGURES, figures, strict=True)))
        known["samples"] = [DecodedSample(**dict(zip(_PLAIN, plain, strict=True)), quality=quality)]
    for name, (length, sizes) in description.get("tables", {}).items():
        known[name] = Records.of_buffers(_TABLES[name], length, map(read, sizes))
    return DecodedFile(**known)
