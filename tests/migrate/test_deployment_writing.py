"""How the deployment stage changes text: edits, imports, helpers, and what is useless afterwards."""

import libcst as cst
import pytest

from serve_compat.migrate.deployment_stage.cleaning import Useless, cleaned
from serve_compat.migrate.deployment_stage.edits import Edits
from serve_compat.migrate.deployment_stage.guards import wrapper_code
from serve_compat.migrate.deployment_stage.handle_calls import request_class
from serve_compat.migrate.deployment_stage.helpers import with_helpers
from serve_compat.migrate.deployment_stage.imports import with_imports
from serve_compat.migrate.deployment_stage.texts import call_of, keyword_args, statement

REQUEST = "from starlette.requests import Request"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("import ray\n", f"import ray\n{REQUEST}\n"),
        ("import ray\nfrom torch import nn\n", f"import ray\n{REQUEST}\nfrom torch import nn\n"),
        ("from starlette.requests import HTTPConnection\n", "from starlette.requests import HTTPConnection, Request\n"),
        (f"import ray\n{REQUEST}\n", f"import ray\n{REQUEST}\n"),
        ('"""About."""\nx = 1\n', f'"""About."""\n{REQUEST}\nx = 1\n'),
    ],
)
def test_an_import_goes_where_it_belongs(text, made):
    assert with_imports(cst.parse_module(text), {REQUEST}).code == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("import ray\n", "import inspect\n\nimport ray\n"),
        (
            "import argparse\nimport time\n\nimport ray\n",
            "import argparse\nimport inspect\nimport time\n\nimport ray\n",
        ),
        ("# About.\nimport time\nimport ray\n", "# About.\nimport inspect\nimport time\nimport ray\n"),
    ],
)
def test_the_standard_library_has_its_own_block(text, made):
    assert with_imports(cst.parse_module(text), {"import inspect"}).code == made


def test_comments_of_a_removed_line_stay():
    module = cst.parse_module("a()\n\n# why\nb()  # how\nc()\n")
    edits = Edits()
    edits.remove(module.body[1].body[0])
    assert edits.apply(module).code == "a()\n\n# why\n# how\nc()\n"


def test_a_comment_behind_a_removed_line_goes_where_it_is_sent():
    module = cst.parse_module("a()\nb()  # how\nc()\n")
    edits = Edits()
    edits.remove(module.body[1].body[0], module.body[0])
    assert edits.apply(module).code == "a()  # how\nc()\n"


def test_an_emptied_block_gets_pass():
    module = cst.parse_module("if x:\n    b()\n")
    edits = Edits()
    edits.remove(module.body[0].body.body[0].body[0])
    assert edits.apply(module).code == "if x:\n    pass\n"


def test_a_definition_is_set_apart():
    module = cst.parse_module("a()\nb()\n")
    edits = Edits()
    edits.insert_before(module.body[1], lambda: [statement("def f():\n    pass\n")])
    assert edits.apply(module).code == "a()\n\n\ndef f():\n    pass\n\n\nb()\n"


START = "import serve_compat as serve\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("client = serve.start()\n", "serve.start()\n"),
        ("client = serve.start()\nprint(client)\n", "client = serve.start()\nprint(client)\n"),
        ("client = None\n\ndef f():\n    global client\n    client = serve.connect()\n", "\ndef f():\n    pass\n"),
        ("tag = 'a'\nclient = tag\n", ""),
        ("client = make()\n", "client = make()\n"),
        ("class A:\n    client = None\n", "class A:\n    client = None\n"),
    ],
)
def test_only_what_nothing_reads_and_nothing_does_goes(text, made):
    result = cleaned(cst.parse_module(START + text), Useless({"client"}, set()), frozenset())
    assert result.code == START + made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("def f(client, a):\n    g(a)\nf(1, 2)\nf(a=2, client=1)\n", "def f(a):\n    g(a)\nf(2)\nf(a=2)\n"),
        ("def f(client):\n    g(client)\nf(1)\n", None),
        ("def f(client):\n    g()\nf(1)\nmap(f, [1])\n", None),
        ("def f(client):\n    g()\nf(make())\n", None),
        ("def f(client):\n    g()\nf(*args)\n", None),
    ],
)
def test_a_parameter_goes_only_with_all_its_arguments(text, made):
    result = cleaned(cst.parse_module(START + text), Useless(set(), {("f", "client")}), frozenset())
    assert result.code == START + (text if made is None else made)


def test_imports_of_ours_that_became_useless_go_and_others_stay():
    module = cst.parse_module(
        "from serve_compat import BackendConfig, CondaEnv, start\nfrom other import BackendConfig as B\nstart()\n"
    )
    made = cleaned(module, Useless(set(), set()), frozenset({"BackendConfig", "start"}))
    assert made.code == "from serve_compat import CondaEnv, start\nfrom other import BackendConfig as B\nstart()\n"


@pytest.mark.parametrize(
    "kinds", [{"class"}, {"async class"}, {"function"}, {"async function"}, {""}, {"class", "function"}]
)
def test_every_form_of_the_wrapper_refuses_and_asks_the_handler(kinds):
    import asyncio
    import inspect

    class Request:
        method = "GET"

    given = {"Request": Request, "Response": lambda text, status_code: status_code, "inspect": inspect}
    exec(wrapper_code(kinds), given)

    def plain(request):
        return "fine"

    async def waits(request):
        return "fine"

    is_async, is_class = any("async" in each for each in kinds), "class" in next(iter(kinds))
    answer = waits if is_async else plain
    served = type("Served", (), {"__call__": lambda self, request: answer(request)}) if is_class else answer
    results = []
    for methods in (("GET", "POST"), ("POST",)):
        wrapped = given["only_methods"](served, *methods)
        result = (wrapped() if is_class else wrapped)(Request())
        results.append(asyncio.run(result) if inspect.isawaitable(result) else result)
    assert results == ["fine", 405]


def test_the_class_of_requests_has_what_is_asked_of_it():
    given = {}
    exec(request_class({"data", "query", "json", "method"}), given)
    request = given["HandleRequest"]({"x": 1}, query={"y": 2}, method="POST")
    with pytest.raises(StopIteration) as done:
        request.json().send(None)
    assert (done.value.value, request.query_params, request.method) == ({"x": 1}, {"y": 2}, "POST")
    assert not hasattr(request, "headers")


def test_helpers_stand_below_the_imports_once():
    module = cst.parse_module("import ray\nray.init()\n")
    made = with_helpers(module, {"HandleRequest": {"data"}})
    assert made.code.startswith("import ray\n\n\nclass HandleRequest:")
    assert made.code.endswith("\n\n\nray.init()\n")
    assert with_helpers(made, {"HandleRequest": {"data"}}).code == made.code


@pytest.mark.parametrize(("length", "lines"), [(20, 1), (90, 4)])
def test_a_long_call_takes_a_line_for_each_argument(length, lines):
    args = keyword_args({"name": cst.Name("n" * length), "route": cst.Name("r")})
    assert cst.Module([]).code_for_node(call_of("serve.deployment", args)).count("\n") + 1 == lines
