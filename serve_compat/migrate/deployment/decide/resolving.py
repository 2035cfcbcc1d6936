"""Over all files: which groups become deployments, and which have to stay because others do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import libcst as cst

from serve_compat.migrate.deployment.decide.decisions import Decisions
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.forms import shaped
from serve_compat.migrate.deployment.decide.naming import wants_tags
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.decide.planning import SC121, SC122, SC126, plan
from serve_compat.migrate.deployment.decide.settling import settle
from serve_compat.migrate.deployment.decide.splitting import is_split, plan_split
from serve_compat.migrate.deployment.decide.turns import are_turns, has_lives, plan_lives, plan_turns
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import SC123, Group, Name, Use, is_known, shown
from serve_compat.migrate.deployment.find.handle_uses import SC124
from serve_compat.migrate.deployment.find.listings import SC125
from serve_compat.migrate.deployment.find.orphans import expects_nothing, is_about_deployments, may_be_made_here
from serve_compat.migrate.deployment.find.staying import Inconvertible

_OF_A_BACKEND = ("set_traffic", "shadow_traffic", "update_backend_config", "delete_endpoint", "delete_backend")


def decide(found: Mapping[str, Analysis]) -> Decisions:
    """Decide about all files together."""
    groups = [group for file in found.values() for group in file.groups]
    creating, others = ([each for each in groups if each.creates is known] for known in (True, False))
    owners, orphans, doubts = _adopted(creating, others)
    strays = [group for group in orphans if not is_about_deployments(group, found)]
    lost = [group for group in strays if _is_created_nowhere(group, found)]
    handles = [each for each in strays if each not in lost and each.named("get_handle")]
    open_handles = {group.uses[0].path for group in handles if not expects_nothing(group, found)}
    by_tags = [path for path, file in found.items() if wants_tags(file)]
    made = Decisions(Files(found, by_tags, open_handles), [*owners, *strays])
    for group, why in doubts:
        made.fail([group], SC123, why)
    for group in lost:
        who = " and ".join(shown(each) for each in (*group.endpoints, *group.tags))
        made.fail([group], SC122, f"none of the given files creates {who}")
    _find_halves(made)
    for group in owners:
        if group not in made.problems:
            _plan(group, made)
    _agree_on_methods(made)
    made.open.update(dict.fromkeys(group for group in strays if group not in made.problems))
    settle(made)
    return made


def _is_created_nowhere(group: Group, found: Mapping[str, Analysis]) -> bool:
    known = any(is_known(key) for key in (*group.tags, *group.endpoints))
    return known and not expects_nothing(group, found) and not may_be_made_here(group, found)


def _plan(group: Group, made: Decisions) -> None:
    files = made.files
    try:
        if are_turns(group) or has_lives(group):
            made.pairs[group] = (plan_lives if has_lives(group) else plan_turns)(group, files)
        elif is_split(group) and files[group.uses[0].path].file.options.generate_router:
            made.splits[group] = plan_split(group, files)
        else:
            made.pairs[group] = plan(group, files)
    except Inconvertible as reason:
        made.fail([group], reason.rule, reason.message, _place(group, reason))


def _agree_on_methods(made: Decisions) -> None:
    """A handler behind endpoints of different methods cannot be guarded itself: it is wrapped for each of them."""
    of: dict[cst.CSTNode, list[Pair]] = defaultdict(list)
    for _, pair in made.every_pair():
        if pair.handler.node is not None and pair.handler.here:
            of[pair.handler.node].append(pair)
    new: dict[Pair, Pair] = {}
    for pairs in of.values():
        if len({pair.methods.texts if pair.methods is not None else None for pair in pairs}) > 1:
            for pair in pairs:
                if pair.methods is not None:
                    new[pair] = shaped(replace(pair, methods=replace(pair.methods, wrapped=True)), made.files)
    for group, pair in made.pairs.items() if new else ():
        made.pairs[group] = replace(new.get(pair, pair), turns=[new.get(each, each) for each in pair.turns])
    for group, split in made.splits.items() if new else ():
        made.splits[group] = replace(split, pairs=tuple(new.get(each, each) for each in split.pairs))


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


def _adopted(
    owners: Sequence[Group], orphans: Sequence[Group]
) -> tuple[list[Group], list[Group], list[tuple[Group, str]]]:
    """Give uses of what another file creates to the group of that file.

    Returns:
        the groups that create something, the orphans that are left, and the owners of which it is doubtful whether they
        are meant, with the reason.
    """
    members = [[group] for group in owners]
    by_name: dict[Name, dict[int, None]] = defaultdict(dict)
    for number, group in enumerate(owners):
        for name in group.names:
            by_name[name][number] = None
    left, doubts = [], []
    for orphan in orphans:
        path = orphan.uses[0].path
        meant = sorted({number for name in orphan.names if is_known(name[1]) for number in by_name[name]})
        near = [number for number in meant if _folder(owners[number].uses[0].path) == _folder(path)]
        meant = near if near and len(meant) > 1 else meant
        if len(meant) == 1:
            members[meant[0]].append(orphan)
            for name in orphan.names:
                by_name[name][meant[0]] = None
            continue
        left.append(orphan)
        if orphan.named(*_OF_A_BACKEND):
            doubts += [(number, f"{path} may mean this or another one of the same name") for number in meant]
    joined = [each[0] if len(each) == 1 else each[0].joined(each[1:]) for each in members]
    return joined, left, [(joined[number], why) for number, why in doubts]


def _find_halves(made: Decisions) -> None:
    """An endpoint whose backend another file creates stays with it."""
    backends = {use.tag: (use.path, group) for group in made.groups for use in group.named("create_backend")}
    for group in made.groups:
        for use in group.named("create_endpoint", "set_traffic"):
            path, other = backends.get(use.tag, (use.path, group)) if is_known(use.tag) else (use.path, group)
            if path != use.path and not group.named("create_backend"):
                why = f"the backend {shown(use.tag)} is created in {path}, and its endpoint in {use.path}"
                made.fail([group], SC122, why, use)
                made.fail([other], SC122, why)


def _folder(path: str) -> str:
    return str(PurePath(path).parent)
