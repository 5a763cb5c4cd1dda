"""torchvision can be imported beside a CPU build of torch."""

import subprocess
import sys

import pytest
import torch

from curation.model.torchvision_operators import declare_missing_operators
from tests.model_data import REPOSITORY

pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("torchvision")]


PROGRAMS = {
    "by name": (
        "from curation.model.torchvision_operators import DECLARED, declare_missing_operators\n"
        "import torchvision, lightly.transforms\n"
        "assert DECLARED in ([], ['nms', 'qnms']), DECLARED\n"
        "assert torchvision.extension._has_ops() == (DECLARED == [])\n"
        "assert declare_missing_operators() == []\n"
    ),
    **{
        first: (
            f"import curation.model, {first}, sys\n"
            "declared = sys.modules['curation.model.torchvision_operators'].DECLARED\n"
            "assert sys.modules['torchvision'].extension._has_ops() == (declared == [])\n"
        )
        for first in ("torchvision", "timm", "lightly.transforms")
    },
    "declared elsewhere": (
        "import torch\n"
        "def refuse(path): raise OSError('does not fit')\n"
        "torch.ops.load_library = refuse\n"
        "torch.library.define('torchvision::nms', '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "from curation.model.torchvision_operators import DECLARED\n"
        "assert 'nms' not in DECLARED\n"
        "import torchvision\n"
    ),
}

FORKING = """
import os, sys, traceback
import torch, torch._dynamo
programs = eval(sys.stdin.read())
assert not [name for name in sys.modules if name.split(".")[0] in ("curation", "torchvision", "timm", "lightly")]
for name, program in programs.items():
    child = os.fork()
    if child == 0:
        status = 1
        try:
            exec(program, {})
            status = 0
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
    print(name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sep="=")
"""
"""Runs each program as a new interpreter would that has torch already, whose import takes longest."""


def run(code: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REPOSITORY)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def ends() -> subprocess.CompletedProcess[str]:
    """How each of the programs ended."""
    return run(FORKING, repr(PROGRAMS))


@pytest.mark.parametrize("program", PROGRAMS)
def test_torchvision_can_be_imported(ends: subprocess.CompletedProcess[str], program: str) -> None:
    """Whoever imports it first; and where another package has declared the operators, which are left alone then.

    In the latter case torchvision's own extension, which declares them too, must not load.
    """
    assert f"{program}=0" in ends.stdout.splitlines(), ends.stderr


def test_what_needs_no_torch_does_not_import_it() -> None:
    result = run(
        "import curation.model.architecture, curation.model.checkpoint, sys\nassert 'torch' not in sys.modules\n"
    )
    assert result.returncode == 0, result.stderr


def test_nothing_is_declared_once_torchvision_is_imported() -> None:
    __import__("torchvision")
    assert declare_missing_operators() == []
    assert hasattr(torch.ops.torchvision, "nms")
