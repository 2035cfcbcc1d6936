import libcst as cst
import pytest

from serve_compat.migrate.analysis.names import Names


def called(text):
    """The names within ray.serve of all calls in a text, in their order."""
    names = Names(cst.parse_module(text))
    calls = names.tree.nodes(cst.Call)
    return [found for found in (names.serve_name(call.func) for call in calls) if found]


@pytest.mark.parametrize(
    "text",
    [
        "from ray import serve\nserve.create_backend('b', f)",
        "from ray import serve as s\ns.create_backend('b', f)",
        "import ray.serve\nray.serve.create_backend('b', f)",
        "import ray\nray.serve.create_backend('b', f)",
        "import ray as r\nr.serve.create_backend('b', f)",
        "import ray.serve as s\ns.create_backend('b', f)",
        "from ray.serve import create_backend as make\nmake('b', f)",
        "from ray.serve.api import create_backend\ncreate_backend('b', f)",
        "import ray.experimental.serve as s\ns.create_backend('b', f)",
        "import serve_compat as serve\nserve.create_backend('b', f)",
        "def go():\n    from ray import serve\n    serve.create_backend('b', f)",
        "from ray import serve\nmake = serve.create_backend\nmake('b', f)",
    ],
)
def test_a_function_is_known_under_every_import(text):
    assert called(text) == ["create_backend"]


@pytest.mark.parametrize(
    "text",
    [
        "client = serve.start()\nclient.create_backend('b', f)",
        "client = other = serve.connect()\nother.create_backend('b', f)",
        "class A:\n  def __init__(self):\n    self.c = serve.start()\n  def go(self):\n    self.c.create_backend(1)",
        "class A:\n  def __init__(self, c):\n    self.c = c\n  def g(self):\n    self.c.create_backend()\n"
        "A(serve.start())",
        "def go(client):\n  client.create_backend('b', f)\ngo(serve.start())",
        "client = None\ndef go():\n  global client\n  client = serve.start()\ndef use():\n  client.create_backend(1)",
        "def make():\n  return serve.start()\nmake().create_backend('b', f)",
        "a, client = 1, serve.start()\nclient.create_backend('b', f)",
    ],
)
def test_a_client_is_followed(text):
    assert "create_backend" in called("from ray import serve\n" + text)


@pytest.mark.parametrize(
    "text",
    [
        "import boto3\nclient = boto3.client('sagemaker')\nclient.create_endpoint()",
        "from ray import serve\nclient = other()\nclient.create_endpoint()\nserve",
        "from . import serve\nserve.create_backend('b', f)",
        "import api as serve\nserve.create_backend('b', f)",
        "serve = object()\nserve.create_backend('b', f)",
        "from ray import serve\ndef go(client):\n  client.create_endpoint()\ngo(boto3.client('x'))\nserve",
    ],
)
def test_what_only_looks_alike_is_not_known(text):
    assert called(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("serve.start()", "client"),
        ("serve.start().get_handle('e')", "handle"),
        ("serve.get_handle('e')", "handle"),
        ("serve.get_handle('e').remote(1)", "ref"),
        ("serve.deployment(f)", "deployment"),
        ("serve.deployment(f).options(name='x')", "deployment"),
        ("serve.get_deployment('x')", "named deployment"),
        ("serve.get_deployment('x').get_handle()", "handle"),
        ("serve.deployment(f).bind()", "node"),
        ("serve.anything()", None),
    ],
)
def test_what_calls_give_is_known(text, kind):
    module = cst.parse_module(f"from ray import serve\nx = {text}\nx\n")
    names = Names(module)
    assert names.kind(module.body[-1].body[0].value) == kind


def test_a_guard_is_a_choice_between_releases_only():
    choice = "try:\n  from ray.serve import a\nexcept ImportError:\n  from ray.serve import b\n"
    optional = "try:\n  from ray import serve\nexcept ImportError:\n  serve = None\n"
    for text, guarded in ((choice, True), (optional, False)):
        names = Names(cst.parse_module(text))
        found = [names.guard_of(node) is not None for node in names.tree.nodes(cst.ImportFrom)]
        assert set(found) == {guarded}
