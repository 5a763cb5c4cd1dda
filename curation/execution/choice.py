"""Which engine the parameters name."""

from contextlib import AbstractContextManager
from functools import partial

from curation.execution.engine import Engine
from curation.execution.late import at_first_use
from curation.execution.local import LocalEngine
from curation.params.execution import ExecutionParams


def engine_of(execution: ExecutionParams) -> AbstractContextManager[Engine]:
    """Return the engine that the parameters name; a cluster is left at the end of the context.

    It is connected with when the engine is used first. What may be raised then:

    - MissingPackageError: the package of the engine is not installed.
    - ClusterError: the cluster cannot be reached, or its nodes differ.
    """
    if execution.engine == "local":
        return LocalEngine(execution.shards or 1, execution.cpus_per_task)
    # The only import of what imports Ray.
    from curation.execution.ray_engine import ray_engine

    return at_first_use(partial(ray_engine, execution))
