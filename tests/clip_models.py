"""Tiny networks of open_clip with random weights, listed as open_clip lists its own."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

TEXT: dict[str, Any] = {"width": 32, "heads": 2, "layers": 2, "context_length": 16}
VISION: dict[str, Any] = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
CONFIGS: dict[str, dict[str, Any]] = {
    "tiny": {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT},
    # As SigLIP: an image tower of timm, texts read in both directions.
    "tiny-timm": {
        "embed_dim": 64,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 160,
            "timm_model_name": "test_vit",
            "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": TEXT | {"no_causal_mask": True, "proj_bias": True, "pool_type": "last"},
    },
    "tiny-resnet": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16, "head_width": 16},
        "text_cfg": TEXT,
    },
    # As CoCa, whose towers give features of parts besides those of the whole.
    "tiny-coca": {
        "embed_dim": 16,
        "vision_cfg": VISION | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        "text_cfg": TEXT | {"embed_cls": True, "output_tokens": True},
        "custom_text": True,
    },
    "tiny-wide": {"embed_dim": 16, "vision_cfg": VISION | {"image_size": [32, 64]}, "text_cfg": TEXT},
    "tiny-foreign-text": {
        "embed_dim": 16,
        "vision_cfg": VISION,
        "text_cfg": {"hf_model_name": "nobody/nothing", "hf_tokenizer_name": "nobody/nothing"},
    },
}


@cache
def list_tiny_models() -> None:
    """Make `open_clip/tiny` and its like known to open_clip, once a process."""
    import open_clip

    with TemporaryDirectory() as folder:
        for name, config in CONFIGS.items():
            (Path(folder) / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(folder)


def random_model(name: str, seed: int = 1) -> Any:
    """Return both towers, as open_clip builds them, ready for inference."""
    import open_clip

    list_tiny_models()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return open_clip.create_model(name).eval()
