"""torchvision can be imported beside a CPU build of torch."""

import subprocess
import sys

import pytest
import torch

from curation.model.torchvision_operators import declare_missing_operators
from tests.model_data import REPOSITORY

pytestmark = pytest.mark.thorough


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )


def test_torchvision_and_lightly_import_after_it() -> None:
    result = run(
        "from curation.model.torchvision_operators import DECLARED, declare_missing_operators\n"
        "import torchvision, lightly.transforms\n"
        "assert DECLARED in ([], ['nms', 'qnms']), DECLARED\n"
        "assert torchvision.extension._has_ops() == (DECLARED == [])\n"
        "assert declare_missing_operators() == []\n"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("first", ["torchvision", "timm", "lightly.transforms"])
def test_whoever_imports_torchvision_finds_the_operators_declared(first: str) -> None:
    result = run(
        f"import curation.model, {first}, sys\n"
        "declared = sys.modules['curation.model.torchvision_operators'].DECLARED\n"
        "assert sys.modules['torchvision'].extension._has_ops() == (declared == [])\n"
    )
    assert result.returncode == 0, result.stderr


def test_what_needs_no_torch_does_not_import_it() -> None:
    result = run(
        "import curation.model.architecture, curation.model.checkpoint, sys\nassert 'torch' not in sys.modules\n"
    )
    assert result.returncode == 0, result.stderr


def test_operators_that_are_there_are_left_alone() -> None:
    """As where another package declares them; torchvision's own extension, which does, must not load then."""
    result = run(
        "import torch\n"
        "def refuse(path): raise OSError('does not fit')\n"
        "torch.ops.load_library = refuse\n"
        "torch.library.define('torchvision::nms', '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "from curation.model.torchvision_operators import DECLARED\n"
        "assert 'nms' not in DECLARED\n"
        "import torchvision\n"
    )
    assert result.returncode == 0, result.stderr


def test_nothing_is_declared_once_torchvision_is_imported() -> None:
    __import__("torchvision")
    assert declare_missing_operators() == []
    assert hasattr(torch.ops.torchvision, "nms")
