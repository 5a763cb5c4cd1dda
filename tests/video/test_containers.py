"""Every container: a small video in it is opened, its structure read, and decoded whole."""

import re
from pathlib import Path

import pytest

from curation.params.ingest import IngestParams
from curation.video.container import Container
from curation.video.containers.registry import CONTAINERS
from curation.video.opening import number_in_file, open_video, video_stream
from curation.video.structure.examine import examine
from tests.decoded_videos import decoded
from tests.media_files import VideoFormat, write_video_as


def written(path: Path, container: Container) -> Path:
    """Write the sample of a container, 14 frames, under a name that tells nothing."""
    sample = container.sample
    form = VideoFormat("", sample.codec, sample.pixel_format, size=sample.size, muxer=sample.muxer)
    return write_video_as(path / "video", form, frames=14)


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_sample_of_a_container_is_read_by_it(name: str, tmp_path: Path) -> None:
    container = CONTAINERS[name]
    path = written(tmp_path, container)
    with open_video(path) as opened:
        form, stream = opened.format.name, number_in_file(opened, video_stream(opened, path))
    assert form.split(",")[0] == container.demuxers[0]
    assert set(container.demuxers) <= set(form.split(","))
    structure = examine(path, form, stream)
    assert (structure is None) is (container.read is None)
    if structure is not None:
        assert (structure.fault, structure.is_whole is False, structure.damage) == ("", False, set())
    video = decoded(path)
    assert (len(video.frames), video.missing, video.reason) == (14, 0, "")
    begin = path.read_bytes()[: 1 << 16]
    marked = {other for other, each in CONTAINERS.items() if each.marks and re.search(each.marks, begin, re.DOTALL)}
    assert marked == ({name} if container.marks else set())


def test_each_ending_is_of_one_container_and_all_defaults_are_known() -> None:
    endings = [ending for container in CONTAINERS.values() for ending in container.endings]
    assert len(set(endings)) == len(endings)
    assert set(IngestParams().video_extensions) <= set(endings)
    assert not set(IngestParams().image_extensions) & set(endings)


def test_names_of_containers_and_demuxers_are_given_once() -> None:
    demuxers = [name for container in CONTAINERS.values() for name in container.demuxers]
    assert len(set(demuxers)) == len(demuxers)
    assert len({container.name for container in CONTAINERS.values()}) == len(CONTAINERS)
    assert not any(container.is_bare and (container.marks or container.read) for container in CONTAINERS.values())


def test_no_container_names_other_files() -> None:
    demuxers = {name for container in CONTAINERS.values() for name in container.demuxers}
    assert not demuxers & {"hls", "concat", "concatf", "dash", "sdp", "image2", "lavfi", "imf", "rtsp"}
