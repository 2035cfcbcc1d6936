"""What the deployment stage finds in a file: constants, operations, groups, the ways of handles."""

import libcst as cst
import pytest

from serve_compat.migrate.context import FileContext
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import shown
from serve_compat.migrate.deployment.find.handle_uses import method_names
from serve_compat.migrate.deployment.find.listings import reading
from serve_compat.migrate.deployment.find.options import Inconvertible

HEAD = "from ray import serve\nclient = serve.start()\n"


def analysed(text, early=False):
    return Analysis(FileContext("a.py", cst.parse_module(HEAD + text)), early)


def first_argument(text):
    file = analysed(text)
    call = next(each.call for each in file.operations if each.name == "delete_endpoint")
    return file.constants.text(call.args[0].value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NAME", "shop"),
        ("NAME + '_v1'", "shop_v1"),
        ("f'{NAME}_v{VERSION}'", "shop_v2"),
        ("Names.SHOP", "shop"),
        ("'%s_v%d' % (NAME, VERSION)", "shop_v2"),
        ("'{}_{}'.format(NAME, 'a')", "shop_a"),
        ("'{name}'.format(name=NAME)", None),
        ("'%d' % NAME", None),
        ("FIRST", "one"),
        ("SECOND", "two"),
        ("f'{NAME!r}'", None),
        ("twice", None),
        ("input()", None),
    ],
)
def test_names_that_are_bound_once_have_their_value(expression, value):
    text = (
        "NAME = 'shop'\nVERSION = 2\nFIRST, (SECOND, _) = 'one', ('two', 3)\nclass Names:\n    SHOP = 'shop'\n"
        "if VERSION:\n    twice = 'a'\nelse:\n    twice = 'b'\n"
    )
    assert first_argument(text + f"def end():\n    client.delete_endpoint({expression})\n") == value


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("print(sorted(client.list_backends()))", "names"),
        ("print(client.list_backends().keys())", "names"),
        ("[tag for tag in client.list_backends()]", "names"),
        ("'a' not in client.list_backends()", "asked"),
        ("'a' in client.list_backends().keys()", "asked"),
        ("len(client.list_backends())", "counted"),
        ("assert not client.list_backends()", "counted"),
        ("client.list_backends() == {}", "counted"),
        ("for tag in list(client.list_backends()): client.delete_backend(tag)", "names"),
        ("for tag in list(client.list_backends()):\n    client.delete_backend(tag)", "deleted"),
        ("for tag in client.list_backends():\n    print(tag)", "names"),
        ("print(client.list_backends())", "more"),
        ("client.list_backends()['a']", "more"),
    ],
)
def test_what_is_read_of_a_listing(line, what):
    file = analysed(line + "\n")
    [listing] = file.named("list_backends")
    assert reading(listing.call, file) == what


@pytest.mark.parametrize("swapped", [False, True])
def test_ray_0_7_took_the_function_first(swapped):
    given = "f, 'tag'" if swapped else "'tag', f"
    [create] = analysed(f"def f(request): pass\nserve.create_backend({given})\n", early=True).named("create_backend")
    assert cst.Module([]).code_for_node(create.need("backend_tag")) == "'tag'"


def test_what_traffic_joins_is_one_group_and_the_rest_is_not():
    file = analysed(
        "client.create_backend('a', f)\nclient.create_backend('b', f)\nclient.create_backend('c', f)\n"
        "client.create_endpoint('x', backend='a')\nclient.create_endpoint('y', backend='c')\n"
        "client.set_traffic('x', {'a': 0.5, 'b': 0.5})\nclient.get_handle('y')\n"
    )
    assert [sorted(map(shown, each.tags | each.endpoints)) for each in file.groups] == [
        ["'a'", "'b'", "'x'"],
        ["'c'", "'y'"],
    ]


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ("{'num_replicas': 2, 'user_config': None}", {"num_replicas": "2"}),
        ("serve.BackendConfig(max_concurrent_queries=3)", {"max_concurrent_queries": "3"}),
        ("dict(experimental_graceful_shutdown_timeout_s=1)", {"graceful_shutdown_timeout_s": "1"}),
        ("None", {}),
        ("{'num_replicas': 1}\ngiven['num_replicas'] = 2", {"num_replicas": "2"}),
        ("serve.BackendConfig()\ngiven.max_concurrent_queries = 5", {"max_concurrent_queries": "5"}),
    ],
)
def test_configs_become_options(config, options):
    file = analysed(f"given = {config}\nclient.create_backend('a', f, config=given)\n")
    [create] = file.named("create_backend")
    read = file.configs.read(create.need("config")).options
    assert {name: cst.Module([]).code_for_node(value) for name, value in read.items()} == options


@pytest.mark.parametrize(
    "lines",
    [
        "given = load()",
        "given = {key: 1}",
        "given = {'unheard_of': 1}",
        "given = {}\nif x:\n    given['num_replicas'] = 2",
        "given = {}\ngiven.update(x)",
        "given = {}\ngiven['num_replicas'] = 2\nprint(given)",
    ],
)
def test_a_config_that_cannot_be_told_is_not_guessed(lines):
    file = analysed(f"{lines}\nclient.create_backend('a', f, config=given)\n")
    [create] = file.named("create_backend")
    with pytest.raises(Inconvertible) as refusal:
        file.configs.read(create.need("config"))
    assert refusal.value.rule.id == "SC120"


def test_a_handle_is_followed_through_names_options_and_functions():
    file = analysed(
        "def ask(h):\n    return h.remote(1)\n"
        "handle = client.get_handle('x')\nask(handle)\nother = handle.options(method_name='m')\nother.remote(2)\n"
    )
    [uses] = file.handles.values()
    methods = [method_names(uses, call, file.constants) for call in uses.calls]
    assert uses.lost is None
    assert sorted(map(sorted, methods)) == [["__call__", "m"], ["m"]]


@pytest.mark.parametrize("lost", ["send(handle)", "pickle.dumps([handle])", "handle.endpoint_name", "table[handle]"])
def test_a_handle_that_goes_elsewhere_is_lost(lost):
    [uses] = analysed(f"handle = client.get_handle('x')\nprint({lost})\n").handles.values()
    assert uses.lost is not None


def test_a_call_of_something_else_is_no_operation():
    file = analysed("import boto3\nother = boto3.client('sagemaker')\nother.create_endpoint(EndpointName='x')\n")
    assert [each.name for each in file.operations] == ["start"]


def test_an_unknown_client_is_an_operation_that_cannot_be_understood():
    [_, odd] = analysed("from where import it\nit.create_backend('a', f)\n").operations
    assert "where this client comes from" in odd.odd
