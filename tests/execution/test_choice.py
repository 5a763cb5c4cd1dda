"""Which engine the parameters name, and that Ray is left alone where it is not asked for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curation.core.errors import MissingPackageError
from curation.execution.choice import engine_of
from curation.execution.ray_engine import ray_engine
from curation.params.execution import ExecutionParams
from tests import ROOT
from tests.test_rooms import imported, modules

ENGINE = "curation.execution.ray_engine"


def test_the_local_engine_is_the_default() -> None:
    with engine_of(ExecutionParams()) as engine:
        assert not engine.is_cluster
        assert engine.shards == 1
        assert [int(value) for _, value in engine.run(np.square, np.arange(3), cpus=1)] == [0, 1, 4]


@pytest.mark.thorough
def test_one_module_imports_ray_and_one_function_imports_that() -> None:
    found = {module: set(imported(ast.parse(file.read_text()))) for module, file in modules(ROOT).items()}
    assert [module for module, names in found.items() if "ray" in {name.split(".")[0] for name in names}] == [ENGINE]
    users = [module for module, names in found.items() if ENGINE in {name.rpartition(".")[0] for name in names}]
    assert users == ["curation.execution.choice"]


@pytest.mark.thorough
def test_no_stage_loads_ray_with_the_local_engine(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise AssertionError('ray is imported')")
    code = (
        "import stages.clean, stages.embed, stages.select, curation.model.spread_embedding\n"
        "from curation.execution.choice import engine_of\n"
        "from curation.params.execution import ExecutionParams\n"
        "with engine_of(ExecutionParams()) as engine:\n"
        "    print(list(engine.run(str, [1], cpus=1)))\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[(0, '1')]\n", "")


def test_without_ray_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    told = r"pip install -r requirements-ray\.lock"
    with pytest.raises(MissingPackageError, match=told), ray_engine(ExecutionParams(engine="ray")):
        pass
