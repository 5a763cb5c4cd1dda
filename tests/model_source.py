"""A store of proxies in memory."""

import io

from PIL import Image

from tests.model_data import jpeg


class SourceOfJpegs:
    """Gives `count` proxies without files."""

    def __init__(self, count: int) -> None:
        self._content = {("shard", str(index)): jpeg(index) for index in range(count)}
        self.members = list(self._content)

    def jpeg(self, shard: str, member: str) -> bytes:
        return self._content[shard, member]

    def image(self, shard: str, member: str) -> Image.Image:
        return Image.open(io.BytesIO(self.jpeg(shard, member))).convert("RGB")
