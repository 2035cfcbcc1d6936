"""The rules of the house, computed from the source: who may import whom, sizes, and where dangerous things may stand.

When a rule fails, change the code. A new module goes into LAYERS, at the lowest place that works.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("legacy", "serve_compat")
GRAPH, MIGRATE = "serve_compat.graph", "serve_compat.migrate"

# lowest first; a module imports from its own line (without cycles) and from the lines above it
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "legacy.name_clash",
        "legacy.public_names",
        "legacy.constants",
        "legacy.dependencies",
        "legacy.redaction",
        "legacy.printable",
        "legacy.logs",
        "legacy.seldom",
        "legacy.endless",
        "legacy.process",
        "legacy.errors",
        "legacy.trusted",
        "legacy.settings",
        "legacy.config",
        "legacy.http_options",
        "legacy.generations",
        "legacy.eras",
        "legacy.large_code",
        "legacy.unpicklable",
        "legacy.records",
        *(f"legacy.environments.{name}" for name in ("origin", "lookup", "wanted", "requirements", "resolve")),
    ),
    (
        "legacy.cluster",
        "legacy.controllers",
        "legacy.tokens",
        "legacy.metrics",
        "legacy.private_directory",
        "legacy.code_files",
        "legacy.port_lock",
        "legacy.http",
        "legacy.traffic",
        "legacy.environments",
    ),
    ("legacy.replica", "legacy.ingress"),
    ("legacy.control", "legacy.calls"),
    ("legacy.handle", "legacy.early.handle"),
    ("legacy.session",),
    ("legacy.client", "legacy.early", "legacy.api"),
    ("legacy",),  # legacy/__init__.py, which offers the public names
    ("serve_compat._core", "serve_compat.threads", "serve_compat.names", "serve_compat.runner"),
    tuple(f"{GRAPH}.{name}" for name in ("tree", "refs", "extra", "reading", "execution", "nodes")),
    ("serve_compat.asgi", "serve_compat.deployments"),
    (GRAPH, "serve_compat.operations"),
    ("serve_compat.modules",),
    (f"{MIGRATE}.findings", f"{MIGRATE}.rule", f"{MIGRATE}.ray_init"),
    ("serve_compat.verify", f"{MIGRATE}.files", f"{MIGRATE}.analysis"),
    (f"{MIGRATE}.project", f"{MIGRATE}.context", f"{MIGRATE}.leftovers", f"{MIGRATE}.writing"),
    (f"{MIGRATE}.compat", f"{MIGRATE}.deployment.find", f"{MIGRATE}.serve", f"{MIGRATE}.serve.graphs"),
    (f"{MIGRATE}.deployment.decide",),
    (f"{MIGRATE}.deployment.write",),
    (f"{MIGRATE}.deployment", f"{MIGRATE}.router"),
    (f"{MIGRATE}.stages",),
    (f"{MIGRATE}.engine",),
    (f"{MIGRATE}.run", f"{MIGRATE}.rules", f"{MIGRATE}.report"),
    ("serve_compat.explain", MIGRATE),
    ("serve_compat.cli", "serve_compat.__main__", "serve_compat"),
)
STRANGERS = (  # none of them knows another
    ("legacy.replica", "legacy.ingress"),
    ("legacy.traffic", "legacy.environments"),
    (f"{MIGRATE}.compat", f"{MIGRATE}.deployment", f"{MIGRATE}.serve"),
    ("serve_compat.operations", GRAPH, MIGRATE),
    ("serve_compat.verify", GRAPH, MIGRATE),
)
VALUES = tuple(f"legacy.{name}" for name in ("errors", "settings", "config", "http_options", "generations", "records"))
WITHOUT_RAY = (*VALUES, "legacy.http.protocol", "legacy.traffic")
WITHOUT_ASYNCIO = (*VALUES, *(f"legacy.traffic.{name}" for name in ("split", "routes", "slots", "router")))
STANDS_ALONE = MIGRATE  # runs where neither Ray nor the core is installed
RAY_INTERNALS = ("ray._private", "ray._raylet", "ray.experimental.internal_kv")

ENVIRON = {"os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv"}
FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 50, 7
MAY_READ_ENVIRON = {"legacy.settings"}
MAY_TOUCH_RAY_INTERNALS = {"legacy.cluster"}
MAY_UNPICKLE = {
    "legacy.replica.code_pickle",  # the user's code, sent by the controller through Ray
    "legacy.ingress.proxy",  # HTTPOptions, whose middlewares are user code
    "legacy.control.checkpoint",  # our own state, from the cluster's store
    "legacy.replica.portable_errors",  # what it has just pickled itself, to see whether that can be read
}
FREE_BASES = {"Protocol", "NamedTuple", "BaseModel", "Generic", "Enum", "str"}  # these ask for no methods


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text())


def imported(
    source: ast.AST, module: str, known: frozenset[str], is_package: bool = False
) -> Iterator[tuple[str, int]]:
    """Every import anywhere in the source, functions included: (full name, line)."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*anchor, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                is_ray = is_in(base, "ray")  # `from ray import serve` may name a module that is not installed
                yield full if full in known or is_ray else base, node.lineno


def imports_of(module: str) -> list[tuple[str, int]]:
    is_package = modules()[module].name == "__init__.py"
    return list(imported(tree(module), module, frozenset(modules()), is_package))


def layer_of(module: str) -> tuple[int, str] | None:
    places = [(number, name) for number, names in enumerate(LAYERS) for name in names if is_in(module, name)]
    if not places:
        return None
    best = max(places, key=lambda place: len(place[1]))
    return None if best[1] in PACKAGES and module != best[1] else best


def are_strangers(module: str, target: str) -> bool:
    for names in STRANGERS:
        places = [{name for name in names if is_in(each, name)} for each in (module, target)]
        if all(places) and places[0] != places[1]:
            return True
    return False


def functions(source: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(source) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def names_used(source: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted names as written, and `from x import y` as x.y."""
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute):
            yield dotted(node), node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def reads_environ(source: ast.AST) -> list[int]:
    return [line for name, line in names_used(source) if name in ENVIRON]


def unpickles(source: ast.AST) -> list[int]:
    def is_load(name: str) -> bool:
        head, _, last = name.rpartition(".")
        return last in ("load", "loads", "Unpickler") and head.rpartition(".")[2].lstrip("_") in (
            "pickle",
            "cloudpickle",
        )

    return [line for name, line in names_used(source) if is_load(name)]


def unexplained_broad_excepts(text: str) -> list[int]:
    """Lines that catch everything without saying why on the same line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(each is None or dotted(each) in ("Exception", "BaseException") for each in caught)
        reason = comments.get(node.lineno, "#").lstrip("# ")
        if broad and (len(reason) < 10 or reason.startswith(("noqa", "type:", "pragma"))):
            found.append(node.lineno)
    return found


def undocumented(source: ast.Module) -> list[str]:
    """Public functions, classes and methods without docstring; a subclass may keep a foreign contract silently."""
    silent = unspoken(source.body)
    for node in source.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            bases = {dotted(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases}
            silent += [] if bases - FREE_BASES else unspoken(node.body)
    return [f"{node.name} (line {node.lineno})" for node in silent]


def unspoken(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    nodes = [each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    silent = [each for each in nodes if not each.name.startswith("_") and not ast.get_docstring(each)]
    # a setter, or a typing overload, is documented where the getter or the implementation stands
    return [each for each in silent if not any(dotted(d).endswith(("setter", "overload")) for d in each.decorator_list)]


every_module = pytest.mark.parametrize("module", sorted(modules()))


@every_module
def test_imports_go_downwards_only(module):
    place = layer_of(module)
    assert place is not None, f"{module} has no place: add it to LAYERS, as low as it can be"
    for target, line in imports_of(module):
        below = layer_of(target)
        if target.split(".")[0] in PACKAGES:
            assert below is not None, f"{module}:{line} imports {target}: take it from where it is defined"
            assert below[0] <= place[0], f"{module}:{line} imports {target}, which is above it"
            assert not are_strangers(module, target), f"{module}:{line} must not know {target}"


def test_there_are_no_import_cycles():
    graph = {module: {t for t, _ in imports_of(module) if t in modules() and t != module} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(error.args[1]))


@every_module
def test_no_function_imports_our_own_modules(module):
    for function in functions(tree(module)):
        for target, line in imported(function, module, frozenset(modules())):
            assert target.split(".")[0] not in PACKAGES, f"{module}:{line} hides an import of {target} in a function"


@every_module
def test_what_must_not_be_imported_is_not(module):
    for target, line in imports_of(module):
        where = f"{module}:{line} imports {target}"
        assert not is_in(target, "ray.serve"), where
        if any(is_in(module, each) for each in WITHOUT_RAY):
            assert not is_in(target, "ray"), where
        if any(is_in(module, each) for each in WITHOUT_ASYNCIO):
            assert not is_in(target, "asyncio"), where
        if is_in(module, STANDS_ALONE):
            assert not is_in(target, "ray"), where
            assert not is_in(target, "legacy"), where
        if module not in MAY_TOUCH_RAY_INTERNALS:
            assert not any(is_in(target, each) for each in RAY_INTERNALS), where


@every_module
def test_files_functions_and_parameter_lists_are_small(module):
    assert len(modules()[module].read_text().splitlines()) <= FILE_LINES, module
    for function in functions(tree(module)):
        where = f"{module}:{function.lineno} {function.name}"
        assert body_lines(function) <= FUNCTION_LINES, where
        assert parameters(function) <= PARAMETERS, where


@every_module
def test_only_the_settings_touch_the_environment(module):
    assert module in MAY_READ_ENVIRON or not reads_environ(tree(module)), (module, reads_environ(tree(module)))


@every_module
def test_only_one_module_knows_the_logger(module):
    made = [line for name, line in names_used(tree(module)) if name == "logging.getLogger"]
    assert module == "legacy.logs" or is_in(module, "serve_compat") or not made, (module, made)


@every_module
def test_only_few_modules_unpickle(module):
    assert module in MAY_UNPICKLE or not unpickles(tree(module)), (module, unpickles(tree(module)))


@every_module
def test_every_broad_except_says_why(module):
    lines = unexplained_broad_excepts(modules()[module].read_text())
    assert not lines, f"{module}: say why on the line of the except: {lines}"


@every_module
def test_everything_public_is_documented(module):
    if tree(module).body:
        assert ast.get_docstring(tree(module)), f"{module} has no docstring"
    assert not undocumented(tree(module)), module


# the checks themselves


def test_the_import_check_sees_all_forms():
    text = "import a.b\nfrom legacy import errors, Client\nfrom . import x\ndef f():\n  from ..traffic.split import S\n"
    known = frozenset({"legacy.errors", "legacy.control.x"})
    found = [name for name, _ in imported(ast.parse(text), "legacy.control.plan", known)]
    assert found == ["a.b", "legacy.errors", "legacy", "legacy.control.x", "legacy.traffic.split"]
    assert [name for name, _ in imported(ast.parse("from ray import serve"), "m", known)] == ["ray.serve"]


def test_strangers_are_found_in_all_rooms_below_them():
    compat, decide, write = (
        f"{MIGRATE}.compat.stage",
        f"{MIGRATE}.deployment.decide.pair",
        f"{MIGRATE}.deployment.write",
    )
    assert are_strangers(decide, compat)
    assert not are_strangers(decide, write)
    assert not are_strangers(decide, f"{MIGRATE}.router.stage")


def test_layers_are_found_by_the_longest_name():
    places = [layer_of(name) for name in ("legacy.traffic.split", "legacy", "legacy.brand_new", "numpy")]
    assert places == [(1, "legacy.traffic"), (7, "legacy"), None, None]


@pytest.mark.parametrize("text", ["os.environ['x']", "os.getenv('x')", "from os import environ"])
def test_the_environment_check_sees_all_forms(text):
    assert reads_environ(ast.parse(text)) == [1]


@pytest.mark.parametrize(
    "text", ["pickle.loads(b)", "ray.cloudpickle.loads(b)", "from pickle import load", "_pickle.Unpickler"]
)
def test_the_pickle_check_sees_all_forms(text):
    assert unpickles(ast.parse(text)) == [1]
    assert unpickles(ast.parse("json.loads(b)\npickle.dumps(b)")) == []


@pytest.mark.parametrize(
    "clause", ["except:", "except Exception:  # noqa: BLE001", "except (OSError, BaseException) as e:"]
)
def test_the_broad_except_check_sees_all_forms(clause):
    assert unexplained_broad_excepts(f"try:\n  pass\n{clause}\n  pass\n") == [3]
    for fine in ("except Exception:  # user code may raise anything", "except OSError:"):
        assert unexplained_broad_excepts(f"try:\n  pass\n{fine}\n  pass\n") == []


def test_the_size_checks_do_not_count_docstrings_and_self():
    function = next(functions(ast.parse('def f(self, a, *b, c=1):\n  """One.\n\n  Two.\n  """\n  return 1\n')))
    assert (body_lines(function), parameters(function)) == (2, 2)
