"""Over all files: which groups become deployments, and which have to stay because others do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath

import libcst as cst

from serve_compat.migrate.deployment.decide.forms import form_of
from serve_compat.migrate.deployment.decide.handle_ties import meets_staying, takes_nothing, unlike
from serve_compat.migrate.deployment.decide.naming import keeps_tag, means_the_same, reads_own_tag, wants_tags
from serve_compat.migrate.deployment.decide.pair import Pair, batch_marks
from serve_compat.migrate.deployment.decide.planning import SC121, SC122, SC126, check_handle, plan
from serve_compat.migrate.deployment.decide.receivers import receivers
from serve_compat.migrate.deployment.decide.requests import flask_uses
from serve_compat.migrate.deployment.decide.splitting import Split, is_split, plan_split
from serve_compat.migrate.deployment.decide.turns import are_turns, has_lives, plan_lives, plan_turns
from serve_compat.migrate.deployment.find.file import LISTS, Analysis
from serve_compat.migrate.deployment.find.groups import SC123, Group, Key, Use, is_known, shown
from serve_compat.migrate.deployment.find.handle_uses import SC124
from serve_compat.migrate.deployment.find.handlers import SC127, handler_of
from serve_compat.migrate.deployment.find.listings import SC113, SC125
from serve_compat.migrate.deployment.find.orphans import expects_nothing, is_about_deployments, may_be_made_here
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.rule import Rule

_ANY_ENDPOINT = ("get_handle", "delete_endpoint", "delete_backend")


@dataclass(eq=False)
class Resolution:
    """What was decided.

    Attributes:
        groups: all groups of all files.
        pairs: those that become a deployment.
        splits: those that become deployments behind a router.
        open: groups that name what only run time knows, and that can follow because everything in their file does.
    """

    files: dict[str, Analysis]
    groups: list[Group] = field(default_factory=list)
    pairs: dict[Group, Pair] = field(default_factory=dict)
    splits: dict[Group, Split] = field(default_factory=dict)
    open: list[Group] = field(default_factory=list)

    def converts_all_of(self, path: str) -> bool:
        """Whether everything of the old API in a file is converted."""
        mine = [group for group in self.groups if any(use.path == path for use in group.uses)]
        return all(self.converts(group) or group in self.open for group in mine)

    def converts(self, group: Group) -> bool:
        """Whether a group that creates something becomes deployments."""
        return group in self.pairs or group in self.splits

    def owned(self, file: Analysis) -> list[tuple[Group, Pair | None]]:
        """The groups that a file takes part in, with their deployments."""
        mine = [group for group in self.groups if any(use.path == file.path for use in group.uses)]
        return [(group, self.pairs.get(group)) for group in mine]

    def every_pair(self) -> list[tuple[Group, Pair]]:
        """Every deployment that is made, with its group."""
        behind = [(group, pair) for group, split in self.splits.items() for pair in split.pairs]
        turns = [(group, turn) for group, pair in self.pairs.items() for turn in pair.turns]
        return [*self.pairs.items(), *turns, *behind]


def resolve(files: dict[str, Analysis]) -> Resolution:
    """Decide about all files together."""
    made = Resolution(files)
    orphans: list[Group] = []
    for file in files.values():
        file.by_tags = wants_tags(file)
        for group in file.groups:
            (made.groups if group.creates else orphans).append(group)
    open_groups = [group for group in orphans if not _adopted(group, made)]
    open_groups = [group for group in open_groups if not is_about_deployments(group, files)]
    for group in open_groups:
        made.groups.append(group)
        if expects_nothing(group, files):
            continue
        if any(is_known(key) for key in (*group.tags, *group.endpoints)) and not may_be_made_here(group, files):
            who = " and ".join(shown(each) for each in (*group.endpoints, *group.tags))
            group.fail(SC122, f"none of the given files creates {who}")
        else:
            files[group.uses[0].path].has_open_handles |= bool(group.named("get_handle"))
    _find_halves(made.groups)
    for group in made.groups:
        if group.creates and group.problem is None:
            try:
                if are_turns(group) or has_lives(group):
                    made.pairs[group] = (plan_lives if has_lives(group) else plan_turns)(group, files)
                elif is_split(group) and files[group.uses[0].path].file.options.generate_router:
                    made.splits[group] = plan_split(group, files)
                else:
                    made.pairs[group] = plan(group, files)
            except Inconvertible as reason:
                group.fail(reason.rule, reason.message, _place(group, reason))
    _agree_on_methods(made)
    _settle(made, [group for group in open_groups if group.problem is None])
    return made


def _agree_on_methods(made: Resolution) -> None:
    """A handler behind endpoints of different methods cannot be guarded itself: it is wrapped for each of them."""
    of: dict[cst.CSTNode, list[Pair]] = {}
    for _, pair in made.every_pair():
        if pair.handler.node is not None and pair.handler.here:
            of.setdefault(pair.handler.node, []).append(pair)
    for pairs in of.values():
        if len({pair.methods.texts if pair.methods is not None else None for pair in pairs}) > 1:
            for pair in pairs:
                if pair.methods is not None:
                    pair.methods.wrapped = True
                    pair.form, pair.variable = form_of(pair)


def _place(group: Group, reason: Inconvertible) -> Use | None:
    for use in group.named("set_traffic", "split") if reason.rule == SC121 else ():
        if use.weights is None or None in use.weights.values() or sum(1 for each in use.weights.values() if each) != 1:
            return use
    wanted = {
        SC121: ("set_traffic", "split", "shadow_traffic"),
        SC124: ("get_handle",),
        SC125: ("get_backend_config",),
        SC126: ("create_endpoint",),
    }.get(reason.rule, ())
    return next(iter(group.named(*wanted)), None) or next(iter(group.named("create_backend", "create_endpoint")), None)


def _adopted(orphan: Group, made: Resolution) -> bool:
    """Give uses of what another file creates to the group of that file."""
    names = {("tag", key) for key in orphan.tags if is_known(key)}
    names |= {("endpoint", key) for key in orphan.endpoints if is_known(key)}
    path = orphan.uses[0].path
    owners = [each for each in made.groups if each.creates and names & _names(each)]
    if len(owners) > 1:
        near = [each for each in owners if _folder(each.uses[0].path) == _folder(path)]
        owners = near or owners
    if len(owners) == 1:
        owners[0].absorb(orphan)
        return True
    for owner in owners:
        if orphan.named("set_traffic", "shadow_traffic", "update_backend_config", "delete_endpoint", "delete_backend"):
            owner.fail(SC123, f"{path} may mean this or another one of the same name")
    return False


def _find_halves(groups: list[Group]) -> None:
    """An endpoint whose backend another file creates stays with it."""
    backends = {(use.tag): (use.path, group) for group in groups for use in group.named("create_backend")}
    for group in groups:
        for use in group.named("create_endpoint", "set_traffic"):
            path, other = backends.get(use.tag, (use.path, group)) if is_known(use.tag) else (use.path, group)
            if path != use.path and not group.named("create_backend"):
                why = f"the backend {shown(use.tag)} is created in {path}, and its endpoint in {use.path}"
                group.fail(SC122, why, use)
                other.fail(SC122, why)


def _names(group: Group) -> set[tuple[str, Key]]:
    return {("tag", key) for key in group.tags} | {("endpoint", key) for key in group.endpoints}


def _folder(path: str) -> str:
    return str(PurePath(path).parent)


def _settle(made: Resolution, open_groups: list[Group]) -> None:
    """Drop pairs until nothing that stays depends on what goes."""
    made.open = list(open_groups)
    while True:
        before = len(made.pairs), len(made.splits), len(made.open)
        for file in made.files.values():
            _settle_file(file, made)
        _settle_ties(made)
        if (len(made.pairs), len(made.splits), len(made.open)) == before:
            return


def _settle_file(file: Analysis, made: Resolution) -> None:
    mine = [group for group in made.groups if any(use.path == file.path for use in group.uses)]
    for use in file.uses:
        if use.operation.is_opaque:
            _fail(made, [group for group in mine if group.creates], SC123, use.operation.odd, use)
    for group in [each for each in made.open if each in mine]:
        reason = _why_not_open(group, file, made)
        if reason is not None and group in made.open:
            made.open.remove(group)
            group.fail(reason.rule, reason.message)
            _fail(
                made,
                mine,
                SC123,
                f"which one {group.uses[0].name}() means here is only known at run time",
                group.uses[0],
            )
    own = reads_own_tag(file)
    unlike = [group for group in mine if group in made.pairs and not keeps_tag(made.pairs[group])]
    if own is not None and unlike:
        _fail(made, unlike, SC125, "a replica reads the tag of its backend, which its deployment would not have", None)
    guards = {guard.listing for pair in made.pairs.values() if pair.home is file for guard in pair.guards}
    for use in file.uses:
        if use.operation.call in guards:
            continue
        if use.name in LISTS and not _lists_names(use, file, made) and not _may_print(use, file):
            message = f"what {use.name}() tells is used, which is not the same for deployments"
            _fail(made, mine, SC125, message, use)


def _fail(made: Resolution, groups: list[Group], rule: Rule, why: str, at: Use | None) -> None:
    for group in groups:
        made.pairs.pop(group, None)
        made.splits.pop(group, None)
        if group in made.open:
            made.open.remove(group)
        group.fail(rule, why, at)


def _why_not_open(group: Group, file: Analysis, made: Resolution) -> Inconvertible | None:
    """Why operations on something that only run time knows cannot follow."""
    mine = [each for each in made.groups if each.creates and any(use.path == file.path for use in each.uses)]
    if not mine or any(not made.converts(each) for each in mine):
        return Inconvertible(SC123, "which endpoint this is, is only known at run time")
    if group.named("get_handle") and any(takes_nothing(made.pairs[each], file) for each in mine if each in made.pairs):
        return Inconvertible(SC124, "it may be a handle of an endpoint that takes no request")
    odd = next((use for use in group.uses if use.name not in _ANY_ENDPOINT), None)
    if odd is not None:
        return Inconvertible(SC123, f"which one {odd.name}() means here is only known at run time")
    for use in group.named("delete_backend"):
        twin = [each for each in file.uses if each.name == "delete_endpoint" and not is_known(each.endpoint)]
        here = file.tree.enclosing_function(use.operation.call)
        if not any(file.tree.enclosing_function(each.operation.call) is here for each in twin):
            return Inconvertible(SC123, "which backend is deleted here is only known at run time")
    try:
        for use in group.named("get_handle"):
            check_handle(use, file, None)
    except Inconvertible as reason:
        return reason
    return None


def _lists_names(use: Use, file: Analysis, made: Resolution) -> bool:
    """Whether only the names in a listing matter, and they stay the same or are known."""
    mine = [group for group in made.groups if any(each.path == file.path for each in group.uses)]
    if any(group in made.splits for group in mine):
        return False
    return means_the_same(use, file, made.owned(file))


def _may_print(use: Use, file: Analysis) -> bool:
    """Whether a listing is only printed, and the user said that this may change."""
    arg = file.tree.parents.get(use.operation.call)
    call = file.tree.parents.get(arg) if isinstance(arg, cst.Arg) else None
    prints = isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value == "print"
    return prints and file.file.allows(SC113)


def _settle_ties(made: Resolution) -> None:
    """Handlers that change must not serve a backend that stays; one call must not mean handles of both kinds."""
    staying = [group for group in made.groups if not made.converts(group) and group not in made.open]
    for group, pair in made.every_pair():
        if not pair.handler.here or pair.handler.node is None:
            continue
        changes = any(flask_uses(each, pair) for each in receivers(pair, made.files))
        if not changes and not batch_marks(pair.handler, pair.home):
            continue
        for other in staying:
            if any(_serves(use, pair) for use in other.named("create_backend")):
                _fail(made, [group], SC127, "its handler also serves a backend that stays", group.uses[0])
    for file in made.files.values():
        _settle_handles(file, made, staying)


def _serves(use: Use, pair: Pair) -> bool:
    expression = use.operation.arg("func_or_class")
    if use.path != pair.home.path or expression is None:
        return False
    served = handler_of(expression, pair.home.constants, pair.home.file)
    return served.node is pair.handler.node or (served.body is not None and served.body is pair.handler.body)


def _settle_handles(file: Analysis, made: Resolution, staying: list[Group]) -> None:
    for group in [*made.pairs, *made.splits, *made.open]:
        use = meets_staying(file, group, staying)
        if use is not None:
            _fail(made, [group], SC124, "a call may mean this endpoint or one that stays", use)
    for use in unlike(file, made.pairs.values()):
        groups = [group for group in made.pairs if use in group.uses]
        _fail(made, groups, SC124, "a call may mean one of several endpoints, of which one takes no request", use)
