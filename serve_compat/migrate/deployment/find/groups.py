"""Which backends and endpoints belong together: each pair becomes one deployment, or stays as it is, whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.deployment.find.operations import Operation
from serve_compat.migrate.deployment.find.staying import stays

SC123 = stays(
    "SC123",
    "TODO: which backend or endpoint is meant is only known at run time",
    "An operation on it may mean one of those that would become deployments.",
)

Key = tuple[object, ...]
"""A tag or endpoint name: ("text", value), or the file, function and source of what only has a value at run time."""
Name = tuple[str, Key]
"""What a group is known by: "tag" or "endpoint", and which one."""
CREATES = ("create_backend", "create_endpoint")


@dataclass(eq=False)
class Use:
    """One operation of one file, with what it names.

    Attributes:
        path: of the file.
        tag, endpoint: what it names; None where it names none.
        weights: of `set_traffic` and the like: tag -> weight (None: not a literal); None where the split is not known.
    """

    operation: Operation
    path: str
    tag: Key | None = None
    endpoint: Key | None = None
    weights: dict[Key, float | None] | None = None

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.operation.name


@dataclass(frozen=True, eq=False)
class Group:
    """Backends and endpoints that are joined by endpoints, traffic and shadows."""

    tags: frozenset[Key]
    endpoints: frozenset[Key]
    uses: tuple[Use, ...]

    def named(self, *names: str) -> list[Use]:
        """Its operations of these names, in the order of the text."""
        return [each for each in self.uses if each.name in names]

    @property
    def creates(self) -> bool:
        """Whether a backend or an endpoint of it is created here."""
        return bool(self.named(*CREATES))

    @property
    def names(self) -> list[Name]:
        """All that it is known by."""
        return [*(("tag", key) for key in self.tags), *(("endpoint", key) for key in self.endpoints)]

    def joined(self, others: Sequence[Group]) -> Group:
        """The group with what others have."""
        every = (self, *others)
        return group_of([name for each in every for name in each.names], [use for each in every for use in each.uses])


def use_of(operation: Operation, path: str, names: Names, constants: Constants) -> Use:
    """What an operation names."""
    use = Use(operation, path)
    if operation.odd:
        return use

    def key(expression: cst.BaseExpression | None) -> Key | None:
        return None if expression is None else key_of(expression, path, names, constants)

    use.tag = key(operation.arg("backend_tag"))
    use.endpoint = key(operation.arg("endpoint_name"))
    if operation.name == "create_endpoint":
        backend = operation.arg("backend")
        use.tag = None if constants.is_none(backend) else key(backend)
    if operation.name == "link" and use.tag is not None:
        use.weights = {use.tag: 1.0}
    if operation.name in ("set_traffic", "split"):
        use.weights = _weights(operation.arg("traffic_policy_dictionary"), path, names, constants)
    return use


def key_of(expression: cst.BaseExpression, path: str, names: Names, constants: Constants) -> Key:
    """What a tag or name is known by."""
    text = constants.text(expression)
    if text is not None:
        return ("text", text)
    value = constants.value(expression)
    return ("run time", path, names.tree.enclosing_function(expression), code_of(value))


def is_known(key: Key | None) -> bool:
    """Whether it is a text, not something that only run time knows."""
    return key is not None and key[0] == "text"


def shown(key: Key | None) -> str:
    """A tag or name for people."""
    return "?" if key is None else repr(key[-1]) if is_known(key) else str(key[-1])


def _weights(
    policy: cst.BaseExpression | None, path: str, names: Names, constants: Constants
) -> dict[Key, float | None] | None:
    value = None if policy is None else constants.value(policy)
    if not isinstance(value, cst.Dict):
        return None
    found: dict[Key, float | None] = {}
    for element in value.elements:
        if not isinstance(element, cst.DictElement):
            return None
        weight = constants.literal(element.value)
        number = float(weight) if isinstance(weight, (int, float)) else None
        found[key_of(element.key, path, names, constants)] = number
    return found


def grouped(uses: Sequence[Use]) -> list[Group]:
    """The groups of one file, in the order of their first operation. Operations that name nothing are left out."""
    found: dict[Name, _Members] = {}
    order: dict[_Members, None] = {}
    for use in uses:
        if use.name != "get_handle" and _named_by(use):
            _join(found, order, _named_by(use)).uses.append(use)
    for use in uses:
        if use.name == "get_handle" and use.endpoint is not None:
            _join(found, order, [("endpoint", use.endpoint)]).uses.append(use)
    return [group_of(each.names, each.uses) for each in order]


def group_of(names: Iterable[Name], uses: Iterable[Use]) -> Group:
    """The group of what is known by these names."""
    names = list(names)
    tags, endpoints = (frozenset(key for each, key in names if each == kind) for kind in ("tag", "endpoint"))
    return Group(tags, endpoints, tuple(uses))


def _named_by(use: Use) -> list[Name]:
    found = [("tag", use.tag)] if use.tag is not None else []
    found += [("endpoint", use.endpoint)] if use.endpoint is not None else []
    found += [("tag", each) for each in use.weights or ()]
    return [(kind, key) for kind, key in found if key is not None]


@dataclass(eq=False)
class _Members:
    """A group that grows."""

    names: list[Name] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)


def _join(found: dict[Name, _Members], order: dict[_Members, None], names: list[Name]) -> _Members:
    known = list(dict.fromkeys(found[each] for each in names if each in found))
    group = known[0] if known else _Members()
    order.setdefault(group)
    for other in known[1:]:
        del order[other]
        group.uses += other.uses
        names = [*names, *other.names]
    group.names += names
    found.update(dict.fromkeys(names, group))
    return group
