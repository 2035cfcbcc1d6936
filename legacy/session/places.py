"""Who finds which detached instance: in which Ray namespaces one starts and is looked for, for all functions alike.

| program | its instance starts in | `start`, `connect`, `init`, `run` and all others find |
|---|---|---|
| Ray 0.7-1.13, by its era | the namespace of its job | the one there |
| Ray 2.x, by its era | `serve`, whatever the namespace of its job | the one there |
| no era named | the namespace of its job | the one there, or in `serve`, or else the only one of the cluster |

The namespace of a job without a name counts as `serve`. An instance outside of the first place is taken by `start` only
when the same HTTP address is asked for, which two instances cannot have; `shutdown` never ends the only one of the
cluster, which may be another team's. Replicas use their own instance, wherever it is, and the verbs of the shell find
the only one of the cluster or the one that `--namespace` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from legacy.constants import SHARED_NAMESPACE
from legacy.eras import Era
from legacy.records import InstanceName


@dataclass(frozen=True)
class Places:
    """Where a program's detached instance may be.

    Attributes:
        namespaces: where it is looked for, in this order; a new one starts in the first.
        anywhere: it may also be the only one of the cluster.
    """

    namespaces: tuple[str, ...]
    anywhere: bool = False

    @property
    def own(self) -> str:
        """Where instances start."""
        return self.namespaces[0]


def places(era: Era, job_namespace: str) -> Places:
    """The places of a program; see the table above.

    Args:
        era: what the user said.
        job_namespace: the Ray namespace of the program's job, SHARED_NAMESPACE for one without a name.
    """
    if not era.name:
        return Places(tuple(dict.fromkeys([job_namespace, SHARED_NAMESPACE])), anywhere=True)
    return Places((SHARED_NAMESPACE,) if era.deployments.one_namespace else (job_namespace,))


def found_by_itself(running: Iterable[InstanceName], preferred: str) -> list[InstanceName]:
    """The instances that nobody has to name, of which one that is alone is meant; for programs and the shell alike.

    Args:
        running: the instances that run, detached or not.
        preferred: the name of a detached one that is taken where there are others beside it.
    """
    detached = [name for name in running if not name.must_be_said]
    return [name for name in detached if name.controller == preferred] or detached
