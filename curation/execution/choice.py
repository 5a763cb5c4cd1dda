"""Which engine the parameters name."""

from contextlib import AbstractContextManager

from curation.execution.engine import Engine
from curation.execution.local import LocalEngine
from curation.params.execution import ExecutionParams


def engine_of(execution: ExecutionParams) -> AbstractContextManager[Engine]:
    """Return the engine that the parameters name; a cluster is left at the end of the context.

    Raises:
        MissingPackageError: the package of the engine is not installed.
        ClusterError: the cluster cannot be reached, or its nodes differ.
    """
    if execution.engine == "local":
        return LocalEngine(execution.shards or 1, execution.cpus_per_task)
    # The only import of what imports Ray.
    from curation.execution.ray_engine import ray_engine

    return ray_engine(execution)
