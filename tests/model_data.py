"""Small proxies, samples and settings for tests of the model."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from curation.model.architecture import Architecture
from curation.model.training.fit import TrainingSettings
from curation.tables.files import write_parquet
from curation.tables.samples import SAMPLES
from tests.media_files import QUALITY

REPOSITORY = Path(__file__).resolve().parent.parent
ARCHITECTURE = Architecture.of("resnet-9x0.25", embedding_dim=8, projection_dim=16, input_size=32)
SETTINGS = TrainingSettings(
    method="simclr",
    epochs=2,
    max_steps=None,
    batch_size=4,
    learning_rate=1e-3,
    temperature=0.5,
    seed=1,
    workers=0,
    accelerator="cpu",
)
PARAMS = {
    "backbone": "resnet-9x0.25",
    "pretrained": False,
    "enabled": True,
    "embedding_dim": 8,
    "projection_dim": 16,
    "input_size": 32,
    "epochs": 2,
    "max_steps": None,
    "batch_size": 4,
    "workers": 0,
    "accelerator": "cpu",
}
"""Section `train` for quick tests."""


def jpeg(seed: int, width: int = 40, height: int = 36) -> bytes:
    """Return a JPEG file of random colours in coarse blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_clean(root: Path, count: int, is_new: bool = True) -> list[tuple[str, str]]:
    """Write `data/clean/` with `count` samples in one shard; return shard and member of each."""
    shard = root / "data/clean/proxies/0123456789abcdef.zip"
    shard.parent.mkdir(parents=True, exist_ok=True)
    members = [(shard.name, f"{index:08d}.jpg") for index in range(count)]
    with zipfile.ZipFile(shard, "w") as archive:
        for index, (_, member) in enumerate(members):
            archive.writestr(member, jpeg(index))
    rows = pd.DataFrame(
        {
            "filename": [f"photos/{index:03d}.jpg" for index in range(count)],
            "raw_path": [f"photos/{index:03d}.jpg" for index in range(count)],
            "content_hash": [f"{index:064x}" for index in range(count)],
            "frame": 0,
            "time_s": float("nan"),
            "width": 40,
            "height": 36,
            "pixel_hash": [f"{index:032x}" for index in range(count)],
            **QUALITY,
            "label": 0,
            "label_name": "photos",
            "is_new": is_new,
            "shard": [name for name, _ in members],
            "member": [member for _, member in members],
        }
    )
    write_parquet(rows, SAMPLES, root / "data/clean/samples.parquet")
    return members
