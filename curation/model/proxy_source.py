"""The model's access to the store of proxy images."""

from typing import Protocol

from PIL import Image


class ProxySource(Protocol):
    """Gives proxy images by shard and member. It must survive being pickled or forked into worker processes."""

    def jpeg(self, shard: str, member: str) -> bytes:
        """Return one proxy, a JPEG file."""
        ...

    def image(self, shard: str, member: str) -> Image.Image:
        """Return one proxy decoded, mode `RGB`."""
        ...
