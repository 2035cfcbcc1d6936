"""What one file does with backends and endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.deployment.find.groups import Group, Use, grouped, use_of
from serve_compat.migrate.deployment.find.handle_uses import HandleUses, handle_uses
from serve_compat.migrate.deployment.find.operations import OF_TODAY, STARTING, Operation, operations
from serve_compat.migrate.deployment.find.options import Configs

LISTS = frozenset({"list_backends", "list_endpoints"})


class Analysis:
    """One file.

    Args:
        file: the file in this stage.
        early: its module functions are those of Ray 0.7-0.8.
    """

    def __init__(self, file: FileContext, early: bool) -> None:
        self.file = file
        self.path = file.path
        self.names = file.names
        self.tree: Tree = file.names.tree
        self.constants = Constants(file.names)
        self.configs = Configs(file.names, self.constants)
        self.early = early
        self.operations: list[Operation] = operations(file.names, self.constants, early)
        self.uses: list[Use] = [use_of(each, file.path, file.names, self.constants) for each in self.operations]
        self.groups: list[Group] = grouped(self.uses)
        self.has_open_handles = False  # handles of endpoints whose names only run time knows
        self.by_tags = False  # its deployments are named by the tags of their backends, which the file reads
        self.taken: set[str] = set()  # names that were chosen for new variables

    @cached_property
    def handles(self) -> dict[cst.CSTNode, HandleUses]:
        """What happens to each handle, by the call that gave it."""
        return handle_uses(self.names, self.constants)

    @cached_property
    def origins(self) -> dict[cst.CSTNode, set[cst.CSTNode]]:
        """The calls of get_handle() that may have given the handle of a call."""
        found: dict[cst.CSTNode, set[cst.CSTNode]] = {}
        for origin, uses in self.handles.items():
            for call in uses.calls:
                found.setdefault(call.node, set()).add(origin)
        return found

    @property
    def speaks_old(self) -> bool:
        """Whether it uses the old API beyond starting and ending."""
        return any(each.name not in OF_TODAY for each in self.operations)

    def named(self, *names: str) -> Iterator[Operation]:
        """Its operations of these names."""
        return (each for each in self.operations if each.name in names)

    @property
    def starts(self) -> list[Operation]:
        """Where it starts or finds the instance."""
        return [each for each in self.operations if each.name in STARTING]

    # where things stand

    def small(self, node: cst.CSTNode) -> cst.BaseSmallStatement | None:
        """The simple statement a node is part of; None in the head of a compound one."""
        for each in (node, *self.tree.ancestors(node)):
            if isinstance(each, cst.BaseSmallStatement):
                return each
            if isinstance(each, cst.BaseCompoundStatement):
                return None
        return None

    def stands_alone(self, node: cst.CSTNode) -> bool:
        """Whether a call is a statement by itself, its value dropped."""
        parent = self.tree.parents.get(node)
        return isinstance(parent, cst.Expr)

    def line(self, node: cst.CSTNode) -> cst.BaseStatement | None:
        """The line or compound statement of the innermost block that holds a node."""
        last = node
        for each in self.tree.ancestors(node):
            if isinstance(each, cst.Module | cst.IndentedBlock):
                return last if isinstance(last, cst.BaseStatement) else None
            last = each
        return None

    def block(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The innermost block that holds a node."""
        line = self.line(node)
        return self.tree.parents.get(line) if line is not None else None


def is_early(file: FileContext) -> bool:
    """Whether the file starts Serve as Ray 0.8 did."""
    return any(file.names.serve_name(node.func) == "init" for node in file.names.tree.nodes(cst.Call))
