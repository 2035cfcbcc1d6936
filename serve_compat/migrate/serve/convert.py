"""One file through the serve stage, wholly or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.serve.defaults import pin_concurrency
from serve_compat.migrate.serve.definitions import convert_definitions
from serve_compat.migrate.serve.deploys import convert_deploys
from serve_compat.migrate.serve.errors import check_errors, check_lifetimes
from serve_compat.migrate.serve.forwarding import convert_sending
from serve_compat.migrate.serve.graphs.graph import GRAPH_NAMES, convert_graphs
from serve_compat.migrate.serve.handles import check_handles
from serve_compat.migrate.serve.imports import convert_imports
from serve_compat.migrate.serve.instance import convert_instance
from serve_compat.migrate.serve.listings import convert_listings
from serve_compat.migrate.serve.paths import convert_paths
from serve_compat.migrate.serve.program import Options, Place, Program
from serve_compat.migrate.serve.queries import convert_queries
from serve_compat.migrate.serve.redeploys import convert_redeploys
from serve_compat.migrate.serve.replicas import REPLICA_NAMES, convert_replicas
from serve_compat.migrate.serve.results import Results


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        module: the converted module; the very one that was given where nothing changed or something forbids it.
        notes: what was done: (node of the given module, rule, message).
        blockers: why nothing was done, in the same form; empty where the file was converted.
        touched: whether the file has anything that the stage is about.
    """

    module: cst.Module
    notes: list[Place]
    blockers: list[Place]
    touched: bool


def convert(module: cst.Module, options: Options | None = None, tree: Tree | None = None) -> Outcome:
    """Turn a program for old deployments into one for today's Ray Serve.

    Args:
        module: a file that imports ray.serve or serve_compat.
        options: see Options.
        tree: that of the module, if it is known.
    """
    program = Program(tree or Tree(module), options or Options())
    return convert_program(program)


def convert_program(program: Program) -> Outcome:
    """The same for a file that is analysed already."""
    module = program.tree.module
    done = GRAPH_NAMES if convert_graphs(program) else frozenset()
    convert_definitions(program)
    convert_deploys(program)
    convert_redeploys(program)
    convert_queries(program)
    convert_listings(program)
    convert_instance(program)
    convert_replicas(program)
    from_compat = convert_imports(program, done | REPLICA_NAMES)
    Results(program).convert()
    if not (program.old or from_compat or program.options.force):
        return Outcome(module, [], [], touched=False)
    check_handles(program)
    check_errors(program)
    check_lifetimes(program)
    pin_concurrency(program)
    convert_paths(program)
    convert_sending(program)
    if program.blockers:
        return Outcome(module, [], program.blockers, touched=True)
    return Outcome(program.result(), program.notes, [], touched=True)
