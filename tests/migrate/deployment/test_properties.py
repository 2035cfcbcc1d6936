"""What the deployment stage promises about any program of a kind."""

import itertools
import keyword
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate

SPELLINGS = [
    ("from ray import serve", "serve"),
    ("from ray import serve as {name}", "{name}"),
    ("import ray.serve as {name}", "{name}"),
    ("from ray.experimental import serve as {name}", "{name}"),
    ("import ray.serve", "ray.serve"),
    ("import ray", "ray.serve"),
]
CLIENTS = [
    "{client} = {serve}.start()\n{calls}",
    "def main():\n    {client} = {serve}.start()\n    set_up({client})\n\n\n"
    "def set_up({client}):\n    {calls}\n\n\nmain()\n",
    "class Manager:\n    def __init__(self):\n        self.{client} = {serve}.start()\n        self.set_up()\n\n"
    "    def set_up(self):\n        {self_calls}\n",
    "{client} = None\n\n\ndef main():\n    global {client}\n    {client} = {serve}.start()\n    {calls}\n\n\nmain()\n",
]
PROGRAM = """{line}


class Model:
    def __init__(self, path):
        self.path = path

    def __call__(self, request):
        return self.path


"""
names = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and name not in ("self", "main", "ray", "request", "set_up", "path")
)


def converted(text, **options):
    [result] = migrate({"program.py": text}, Options(to="deployment", **options))
    assert not result.error
    return result.after


def calls(client, indent):
    lines = [
        f'{client}.create_backend("model:1", Model, "weights", config={{"num_replicas": 2}})',
        f'{client}.create_endpoint("model", backend="model:1", route="/m", methods=["POST"])',
    ]
    return f"\n{' ' * indent}".join(lines)


def program(spelling, shape, name, client):
    line, serve = (part.format(name=name) for part in SPELLINGS[spelling])
    inner = 8 if shape == 2 else 4 if shape else 0
    body = CLIENTS[shape].format(
        client=client, serve=serve, calls=calls(client, inner), self_calls=calls(f"self.{client}", inner)
    )
    return PROGRAM.format(line=line) + body, serve


def definition(text):
    """The class with its decorator, whatever Serve is called, and the statement that deploys it."""
    found = re.search(r"@\w+(\.deployment\(.*?)return self\.path", text, re.DOTALL)
    assert found is not None
    return found.group(1), 'Model.deploy("weights")' in text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(SPELLINGS) - 1), st.integers(0, len(CLIENTS) - 1), names, names)
def test_however_serve_and_its_client_are_called_the_deployment_is_the_same(spelling, shape, name, client):
    if name == client:
        return
    text, _ = program(spelling, shape, name, client)
    reference, _ = program(0, 0, "serve", "client")
    assert definition(converted(text)) == definition(converted(reference))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(SPELLINGS) - 1), st.integers(0, len(CLIENTS) - 1), names)
def test_nothing_of_the_client_is_left(spelling, shape, client):
    text, _ = program(spelling, shape, "rs", f"{client}_client")
    assert f"{client}_client" not in converted(text)


@settings(max_examples=12, deadline=None)
@given(
    st.permutations(['backend="b"', 'route="/r"', 'methods=["GET", "PUT"]']),
    st.permutations(['config={"num_replicas": 2}', 'ray_actor_options={"num_gpus": 1}']),
    st.sampled_from([", ", ",\n    ", " ,  "]),
    st.booleans(),
)
def test_neither_order_nor_layout_of_arguments_matter(endpoint, backend, comma, trailing):
    end = "," if trailing else ""
    first, second = comma.join(['"b"', "Model", "1", *backend]), comma.join(['"e"', *endpoint])
    text = PROGRAM.format(line="from ray import serve") + (
        f"client = serve.start()\nclient.create_backend({first}{end})\nclient.create_endpoint({second}{end})\n"
    )
    plain = converted(text.replace(comma, ", "))
    assert converted(text) == plain
    assert "num_replicas=2" in plain
    assert "Model.deploy(1)" in plain


TROUBLE = {
    "none": "",
    "link": 'client.set_traffic("e{n}", {{"b{n}": 1.0}})\n',
    "split": 'client.set_traffic("e{n}", {{"b{n}": 0.5, "other": 0.5}})\n',
    "shadow": 'client.shadow_traffic("e{n}", "b{n}", 0.5)\n',
    "config": 'client.update_backend_config("b{n}", load())\n',
    "given away": 'send(client.get_handle("e{n}"))\n',
    "update": 'client.update_backend_config("b{n}", {{"num_replicas": 3}})\n',
    "reading": 'print(client.get_backend_config("b{n}"))\n',
    "delete": 'client.delete_endpoint("e{n}")\nclient.delete_backend("b{n}")\n',
    "half": 'client.delete_backend("b{n}")\n',
}
STAYING = {"split", "shadow", "config", "given away", "reading", "half"}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(TROUBLE)), min_size=1, max_size=4), st.booleans())
def test_a_pair_is_converted_wholly_or_not_at_all(troubles, endpoints_last):
    backends = [f'client.create_backend("b{n}", lambda request: {n})\n' for n in range(len(troubles))]
    endpoints = [f'client.create_endpoint("e{n}", backend="b{n}")\n' for n in range(len(troubles))]
    pairs = [*backends, *endpoints] if endpoints_last else list(itertools.chain(*zip(backends, endpoints, strict=True)))
    rest = [TROUBLE[trouble].format(n=n) for n, trouble in enumerate(troubles)]
    made = converted("from ray import serve\n\nclient = serve.start()\n" + "".join(pairs + rest))
    for number, trouble in enumerate(troubles):
        stays = trouble in STAYING
        assert (f'create_backend("b{number}"' in made) == stays
        assert (f'create_endpoint("e{number}"' in made) == stays
        assert (f"b{number}.deploy()" in made) != stays
    assert ("TODO(serve-compat SC1" in made) == bool(STAYING & set(troubles))
