"""What is useless after the changes."""

import libcst as cst
import pytest

from serve_compat.migrate.writing.cleaning import Useless, cleaned

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
