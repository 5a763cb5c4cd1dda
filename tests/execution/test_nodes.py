"""Nodes that would give other bytes are refused, and each difference is named."""

import pytest

from curation.code.closure import CodeReader
from curation.code.libraries import WITHOUT_INFLUENCE
from curation.core.errors import ClusterError
from curation.execution.nodes import COUNTED, facts, require_alike
from tests import ROOT

HERE = {"Python": "3.11.7", "the library av": "18.1.0"}


def test_every_difference_is_named() -> None:
    require_alike(HERE, {"10.0.0.3": dict(HERE)})
    nodes = {"10.0.0.4": {"Python": "3.12.1"}, "10.0.0.3": HERE | {"the library numpy": "2.4.1"}}
    with pytest.raises(ClusterError) as told:
        require_alike(HERE, nodes)
    assert str(told.value).splitlines()[1:4] == [
        "  - the library numpy is 2.4.1 on node 10.0.0.3, and missing here",
        "  - Python is 3.12.1 on node 10.0.0.4, and 3.11.7 here",
        "  - the library av is missing on node 10.0.0.4, and 18.1.0 here",
    ]


def test_a_cluster_without_nodes_is_told() -> None:
    with pytest.raises(ClusterError, match="no node of the cluster answers"):
        require_alike(HERE, {})


def test_facts_are_those_that_bytes_depend_on() -> None:
    found = facts()
    assert found["Python"].startswith("3.")
    assert found["the library av"]
    assert len(found["the project's code"]) == 12
    require_alike(found, {"here": facts()})


@pytest.mark.thorough
def test_all_libraries_that_shape_the_stages_on_a_cluster_are_counted() -> None:
    commands = [f"python -m stages.{stage}" for stage in ("clean", "embed", "select")]
    assert set(CodeReader(ROOT).closure(commands).libraries) - WITHOUT_INFLUENCE <= set(COUNTED)
