"""All warnings of libjpeg-turbo are heard, not only the first."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from curation.core.errors import MissingLibraryError
from curation.image import jpeg_warnings
from curation.image.jpeg_warnings import END_MISSING, is_harmless, require, warnings_of
from tests.media_files import moving_picture

SIZE = (160, 120)


@pytest.fixture
def data() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(moving_picture(1, 0, *SIZE)).save(buffer, "JPEG", restart_marker_rows=1)
    return buffer.getvalue()


@pytest.fixture
def forgotten() -> Iterator[None]:
    jpeg_warnings._is_known.cache_clear()
    yield
    jpeg_warnings._is_known.cache_clear()


def test_warnings_come_in_the_order_of_the_file(data: bytes) -> None:
    assert warnings_of(data, SIZE) == []
    assert warnings_of(data[:-2], SIZE) == [END_MISSING]
    extra = data[:2] + b"\0" + data[2:].replace(b"\xff\xd0", b"\0" * 9 + b"\xff\xd0", 1)
    assert warnings_of(extra, SIZE) == [
        "Corrupt JPEG data: 1 extraneous bytes before marker 0xe0",
        "Corrupt JPEG data: 9 extraneous bytes before marker 0xd0",
    ]
    first_interval = extra.index(b"\xff\xd0")
    assert warnings_of(extra[:first_interval] + extra[first_interval + 2 :], SIZE)[-1].startswith("Corrupt JPEG data")


def test_listening_ends_with_the_first_harmful_warning(data: bytes) -> None:
    place = data.index(b"\xff\xd1")
    told = warnings_of(data[:2] + b"\0" + data[2 : place - 60] + data[place:-700] + b"\xff\xd9", SIZE)
    assert [is_harmless(warning) for warning in told] == [True, False]


def test_a_library_of_another_kind_is_told(forgotten: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_warnings, "_LARGEST_STATE", 0)
    with pytest.raises(MissingLibraryError, match="libjpeg-turbo 2 or 3"):
        require()
