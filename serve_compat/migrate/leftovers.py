"""What is looked for besides the rewrites: names that are gone, names that never were, files that do not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.files import parsing
from serve_compat.migrate.rule import Rule, Stage
from serve_compat.names.history import NAMES

SC003 = Rule(
    "SC003",
    "a name that no Ray ever had",
    "compat",
    "The call never worked on any release of Ray, so there is nothing that a rewrite could keep.",
    automatic=False,
)
SC005 = Rule(
    "SC005",
    "old Serve code in a comment is left alone",
    "compat",
    "It does not run; but whoever brings it back to life meets an API that is gone.",
    automatic=False,
)
SC006 = Rule(
    "SC006",
    "`from ray.serve import *` becomes one of serve_compat, and no more",
    "compat",
    "Which names come from it cannot be told without importing it.",
    automatic=False,
)
SC008 = Rule(
    "SC008",
    "ray.serve is reached by a text, or by a name that only run time knows",
    "compat",
    "Patches of tests and imports by name cannot be followed; they would go to another module than the program.",
    automatic=False,
)
SC009 = Rule(
    "SC009",
    "an old name is left in the result",
    "compat",
    "No rule of the stages rewrote it, and today's Ray does not have it; it needs serve_compat or a hand.",
    automatic=False,
)

_GONE = """
    init create_backend delete_backend list_backends get_backend_config update_backend_config set_backend_config
    create_endpoint delete_endpoint list_endpoints set_traffic shadow_traffic split link get_handle stat scale
    accept_batch BackendConfig CondaEnv Client connect RoutePolicy ServeRequest get_deployment list_deployments
    get_current_backend_tag get_current_replica_tag backends env
    handle.RayServeHandle handle.RayServeSyncHandle handle.RayServeDeploymentHandle config.BackendConfig
    config.BackendMetadata config.ReplicaConfig config.DeploymentMode utils.ServeRequest utils.ServeMultiDict
    utils.ServeEncoder utils.logger utils.get_random_letters utils.block_until_http_ready
    constants.DEFAULT_HTTP_ADDRESS constants.SERVE_CONTROLLER_NAME backends.ImportedBackend env.CondaEnv
    drivers.DAGDriver drivers http_adapters deployment_graph deployment_graph.InputNode
    api.get_deployment_statuses PredictorDeployment
"""
GONE = frozenset(_GONE.split()) | {name for name, row in NAMES.items() if row.last and name != "context"}
"""Names of ray.serve that old releases had and today's does not have."""
NEVER = frozenset(name for name, row in NAMES.items() if not row.first and "." not in name)
"""Names that people write although no release had them. Some of them live in a submodule: then the import is wrong."""
_ONLY_TODAY = frozenset(name for name, row in NAMES.items() if row.first and not row.last and "." not in name)

_IMPORTS_RAY_SERVE = re.compile(
    r"^\s*(?:from\s+ray(?:\.experimental)?\s+import\b[^\n]*(?:\bserve\b|\()|(?:from|import)\s+ray(?:\.experimental)?\.serve\b)",
    re.MULTILINE,
)
_BY_TEXT = re.compile(r"ray\.(?:experimental\.)?serve(?:\.\w+)*")
_OLD_CODE = re.compile(
    r"\b(?:serve|client)\.(?:init|create_backend|create_endpoint|set_traffic|update_backend_config|get_handle|connect"
    r"|delete_backend|delete_endpoint|link|split)\s*\("
)
_PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[^(=\s]|exec\s+['\"]|raise\s+\w+\s*,\s|except\s+\w[\w.]*\s*,\s*\w+\s*:)", re.MULTILINE
)


def may_mention_ray_serve(text: str) -> bool:
    """Whether a text that does not parse looks as if it imported ray.serve."""
    return bool(_IMPORTS_RAY_SERVE.search(text))


def parse_error(text: str, error: SyntaxError) -> str:
    """Where a file cannot be parsed, and why if that can be told."""
    if _PYTHON_2.search(text):
        return f"line {error.lineno}: this is Python 2 syntax; Ray Serve programs need Python 3, convert the file first"
    return parsing.why(error)


def _used(file: FileContext) -> Iterator[tuple[cst.CSTNode, str]]:
    """Every use of a name of ray.serve: (node, name within ray.serve)."""
    names = file.names
    for node in names.tree.nodes(cst.Attribute, cst.ImportFrom):
        if isinstance(node, cst.ImportFrom):
            base = dotted(node.module)
            below = base.removeprefix("ray.serve").removeprefix("serve_compat").lstrip(".")
            if not node.relative and (base + ".").startswith(("ray.serve.", "serve_compat.")):
                aliases = [] if isinstance(node.names, cst.ImportStar) else node.names
                for alias in aliases:
                    yield node, ".".join(filter(None, [below, dotted(alias.name)]))
        elif isinstance(node, cst.Attribute) and node.attr.value in _LAST_NAMES:
            found = names.serve_name(node)
            if found:
                yield node, found


_LAST_NAMES = frozenset(name.split(".")[-1] for name in GONE | NEVER | _ONLY_TODAY)


def old_names(file: FileContext) -> list[tuple[cst.CSTNode, str]]:
    """Uses of names that old releases had and today's does not have, but for those that ask for the release first."""
    found = [(node, name) for node, name in _used(file) if name in GONE and file.names.guard_of(node) is None]
    stars = [node for node in file.names.tree.nodes(cst.ImportFrom) if _star_of_serve(node)]
    calls = file.names.tree.nodes(cst.Call)
    bare = [(call, dotted(call.func)) for call in calls if stars]
    if any(file.names.serve_name(node.func) in ("start", "connect") for node in calls):
        found += [(call, dotted(call.func)) for call in calls if file.names.may_ask_a_client(call)]
    return found + [(call, name) for call, name in bare if name in GONE]


def excused_lines(file: FileContext) -> set[int]:
    """Lines with names that never were, or that are used only on the releases that had them: no reason to rewrite."""
    return {file.line(node) for node, name in _used(file) if name in NEVER or file.names.guard_of(node) is not None}


def _star_of_serve(node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.ImportFrom) or not isinstance(node.names, cst.ImportStar):
        return False
    return dotted(node.module) in ("ray.serve", "serve_compat")


def report(file: FileContext, target: Stage) -> None:
    """Tell about what is left after the last stage: nobody may believe that a file is done when it is not."""
    on_stock = file.names.imports("ray.serve")
    on_compat = file.names.imports("serve_compat")
    for node, name in _used(file):
        if file.names.guard_of(node) is not None or file.skips(node):
            continue
        row = NAMES.get(name)
        if name in NEVER and row is not None:
            file.report(SC003, node, f"no Ray ever had serve.{name}; write {row.instead}", "never-existed")
        elif name in GONE and on_stock and not on_compat:
            file.report(SC009, node, f"today's Ray has no serve.{name}", "unresolved")
        elif name in _ONLY_TODAY and on_compat and row is not None:
            file.report(SC009, node, f"serve_compat has no serve.{name}; write {row.instead}", "unresolved")
    for node in file.names.tree.nodes(cst.ImportFrom):
        if _star_of_serve(node) and target != "compat" and on_compat:
            message = "which names come from here cannot be told: import them one by one to get further"
            file.report(SC006, node, message, "unresolved")
    if on_compat:
        _report_lookups(file)
    for number, text in enumerate(parsing.lines(file.names.code), 1):
        if text.lstrip().startswith("#") and _OLD_CODE.search(text) and "TODO(serve-compat" not in text:
            file.note_line(SC005, number, "old Serve code in a comment is left as it is")


def _report_lookups(file: FileContext) -> None:
    """Tell about ray.serve reached by a text, and about names of Serve that only run time knows."""
    for text in file.names.tree.nodes(cst.SimpleString):
        value = text.evaluated_value
        if isinstance(value, str) and _BY_TEXT.fullmatch(value) and not file.skips(text):
            file.report(
                SC008, text, f"{value!r} names ray.serve by a text, which this file no longer uses", "unresolved"
            )
    for call in file.names.tree.nodes(cst.Call):
        if dotted(call.func) not in ("getattr", "setattr") or not call.args:
            continue
        if file.names.qualified(call.args[0].value) == "ray.serve" and not file.skips(call):
            file.report(SC008, call, "which name of Serve this is, is only known at run time", "note")
