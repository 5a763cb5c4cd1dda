"""Tests that depend on the processor, once more as on one that can do less: one machine stands for several.

`make test-avx2` runs all tests so. x264's choices on other processors: `tests/video/test_program_stamps.py`.
"""

import os
import platform
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Most desktops, and AMD's servers before Zen 4."""

TESTS = [
    "test_fused_networks_give_the_same_embeddings[resnet-9-32]",
    "test_neither_neighbours_nor_the_place_in_a_batch_change_a_bit[resnet-18-8-bf16]",
    "test_all_convolutions_of_a_resnet_are_fused_with_what_follows_in_16_bits",
    "test_all_convolutions_of_a_resnet_are_fused_with_what_follows_in_32_bits",
    "test_where_onednn_lacks_16_bits_a_network_in_32_bits_is_fused_all_the_same",
    "test_only_the_first_batch_is_computed_by_the_plain_operators_too",
    "test_additions_that_onednn_does_not_fuse",
]
NEED_BF16 = 2
"""Those of them that are skipped then."""


@pytest.mark.thorough
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instruction sets are those of x86")
def test_fused_networks_on_a_processor_without_avx_512() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += [f"tests/model/test_fusion.py::{name}" for name in TESTS]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | AVX2, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{NEED_BF16} skipped" in done.stdout
