import asyncio
import json

import numpy as np
import pytest
from ray import cloudpickle

from legacy.config import BackendConfig
from legacy.errors import MethodMissingError, RayServeException
from legacy.generations import DEPLOYMENT, V0_8, V1_2, V1_4
from legacy.replica.backends import ImportedBackend, accept_batch
from legacy.replica.call_context import BATCH_SIZE, WEB
from legacy.replica.code import Code, construct, import_path, load
from legacy.replica.invoke import Servable
from legacy.replica.keywords import NoRequest


def servable(target, generation=V1_4, **config):
    return Servable(target, "model", BackendConfig(**config), generation)


def call(target, *args, name="__call__", **kwargs):
    return asyncio.run(servable(target).call(name, args, kwargs))


class Counter:
    def __init__(self, value=0):
        self.value = value
        self.seen = []

    def __call__(self, request):
        return f"call {request}"

    async def later(self, request):
        await asyncio.sleep(0)
        return f"later {request}"

    def reconfigure(self, config):
        self.seen.append(config)

    def _private(self):
        return None


class Outer:
    class Inner:
        pass


# ---- loading and constructing


@pytest.mark.parametrize("target", [json.dumps, "json.dumps", ImportedBackend("json.dumps")])
def test_code_comes_as_an_object_or_a_path(target):
    code = asyncio.run(load(cloudpickle.dumps((target, (1,), {"k": 2}))))
    assert code == Code(json.dumps, (1,), {"k": 2})


def test_a_path_may_name_a_nested_class():
    assert import_path(f"{__name__}.Outer.Inner") is Outer.Inner


@pytest.mark.parametrize("path", ["no_such_module.Name", "json.no_such_name", "json.no_such_module.Name"])
def test_a_path_that_leads_nowhere_is_an_import_error(path):
    with pytest.raises(ImportError, match=r"no_such"):
        import_path(path)


@pytest.mark.parametrize("path", ["no_dots", "", "json.", ".dumps"])
def test_what_is_no_path_is_an_import_error(path):
    with pytest.raises(ImportError, match="is no import path such as"):
        import_path(path)


def test_a_class_is_constructed_and_a_function_is_not():
    assert asyncio.run(construct(Code(Counter, (5,), {}))).value == 5
    assert asyncio.run(construct(Code(Counter, (), {"value": 6}))).value == 6
    assert asyncio.run(construct(Code(len, (), {}))) is len


def test_an_async_constructor_is_awaited():
    class Slow:
        async def __init__(self, value):
            await asyncio.sleep(0)
            self.value = value

    assert asyncio.run(construct(Code(Slow, ("ready",), {}))).value == "ready"


@pytest.mark.parametrize("begins", [lambda self: "ignored", lambda self: setattr(self, "value", 1) or self])
def test_what_a_constructor_returns_is_ignored(begins):
    made = type("Returns", (), {"__init__": begins})
    assert type(asyncio.run(construct(Code(made, (), {})))) is made


def test_a_metaclass_may_make_the_instance():
    class Single(type):
        def __call__(cls, *args):
            return (cls.__name__, *args)

    assert asyncio.run(construct(Code(Single("One", (), {}), (5,), {}))) == ("One", 5)


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2)])
def test_a_class_takes_the_arguments_that_python_lets_it_take(arguments):
    class New:
        def __new__(cls, first):
            return "another type" if first == "other" else super().__new__(cls)

    for kind in (type("Plain", (), {}), New):
        try:
            kind(*arguments)
        except TypeError:
            with pytest.raises(TypeError):
                asyncio.run(construct(Code(kind, arguments, {})))
        else:
            assert type(asyncio.run(construct(Code(kind, arguments, {})))) is kind
    assert asyncio.run(construct(Code(New, ("other",), {}))) == "another type"


def test_something_that_cannot_be_called_is_no_backend():
    with pytest.raises(TypeError, match="must be a function or a class, not 5"):
        asyncio.run(construct(Code(5, (), {})))


# ---- calling


def test_functions_and_methods_sync_or_async_are_called():
    async def later(request):
        return f"async {request}"

    assert call(lambda request: f"sync {request}", 1) == "sync 1"
    assert call(later, 1) == "async 1"
    assert call(lambda request: later(request), 1) == "async 1"
    assert call(Counter(), 1) == "call 1"
    assert call(Counter(), 1, name="later") == "later 1"


def test_a_missing_method_error_names_those_that_exist():
    with pytest.raises(MethodMissingError, match=r"no method 'nope'. Available methods: __call__, later, reconfigure$"):
        call(Counter(), 1, name="nope")
    with pytest.raises(MethodMissingError, match=r"Available methods: __call__$"):
        call(len, 1, name="__doc__")
    with pytest.raises(MethodMissingError, match=r"Available methods: none$"):
        call(object())


def test_a_method_replaced_by_reconfigure_is_called_from_then_on():
    class Switch:
        def reconfigure(self, config):
            self.answer = lambda request: config

    async def scenario():
        switch = servable(Switch())
        await switch.configure(BackendConfig(user_config="old"))
        first = await switch.call("answer", (1,), {})
        await switch.configure(BackendConfig(user_config="new"))
        return first, await switch.call("answer", (1,), {})

    assert asyncio.run(scenario()) == ("old", "new")


@pytest.mark.parametrize(
    ("function", "takes_nothing", "takes_one"),
    [
        (lambda: 1, True, False),
        (lambda request: 1, False, True),
        (lambda request, k=1: 1, False, True),
        (lambda request=None: 1, False, False),
        (lambda a, b: 1, False, False),
        (lambda *args: 1, False, False),
        (lambda *, key: 1, False, False),
        (Counter(), False, True),
        (dict, False, False),
    ],
)
def test_what_a_handler_needs_is_read_from_its_signature(function, takes_nothing, takes_one):
    handler = servable(function).find("__call__")
    assert (handler.takes_nothing, handler.takes_one) == (takes_nothing, takes_one)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("batched", [False, True])
def test_user_code_cannot_end_the_process_by_an_exception(error, batched):
    def handler(request):
        raise error(3)

    with pytest.raises(RayServeException, match=error.__name__):
        call(accept_batch(handler) if batched else handler, 1)


# ---- batches


@accept_batch
class Batched:
    def __call__(self, requests):
        return [("call", len(requests))] * len(requests)

    async def other(self, requests):
        return [("other", len(requests))] * len(requests)


def sizes(target, names):
    async def scenario():
        return await asyncio.gather(*(target.call(name, (1,), {}) for name in names))

    return asyncio.run(scenario())


def test_methods_are_never_mixed_in_one_batch():
    batched = servable(Batched(), max_batch_size=10)
    assert sizes(batched, ["__call__", "other", "__call__"]) == [("call", 2), ("other", 1), ("call", 2)]


def test_without_a_batch_size_lists_have_one_request():
    assert sizes(servable(Batched()), ["__call__"] * 3) == [("call", 1)] * 3


def test_a_new_batch_size_is_used_from_then_on():
    async def scenario():
        batched = servable(Batched(), max_batch_size=1)
        await batched.call("__call__", (1,), {})
        await batched.configure(BackendConfig(max_batch_size=2))
        return await asyncio.gather(*(batched.call("__call__", (1,), {}) for _ in range(2)))

    assert asyncio.run(scenario()) == [("call", 2)] * 2


def test_a_batch_handler_takes_one_request_per_call():
    with pytest.raises(TypeError, match="call it with one request, not 2 arguments"):
        call(Batched(), 1, 2)


# ---- reconfigure, health, destructor


def configured(target, *user_configs, generation=V1_4):
    async def scenario():
        it = servable(target, generation)
        for user_config in user_configs:
            await it.configure(BackendConfig(user_config=user_config))

    asyncio.run(scenario())
    return target


def test_reconfigure_is_called_once_for_each_new_value():
    assert configured(Counter(), {"v": 1}, {"v": 1}, {"v": 2}).seen == [{"v": 1}, {"v": 2}]


def test_a_config_that_user_code_changed_in_place_still_counts_as_the_same():
    class Greedy(Counter):
        def reconfigure(self, config):
            self.seen.append(config.pop("v"))

    assert configured(Greedy(), {"v": 1}, {"v": 1}).seen == [1]


@pytest.mark.parametrize(("generation", "calls"), [(V1_2, 0), (V1_4, 0), (DEPLOYMENT, 3)])
def test_falsy_configs_reach_deployments_only(generation, calls):
    assert len(configured(Counter(), {}, None, 0, "", generation=generation).seen) == calls


def test_an_array_is_a_config_too():
    assert len(configured(Counter(), np.zeros(3)).seen) == 1


def test_an_async_reconfigure_is_awaited():
    class Later(Counter):
        async def reconfigure(self, config):
            await asyncio.sleep(0)
            self.seen.append(config)

    assert configured(Later(), 1).seen == [1]


@pytest.mark.parametrize(("target", "text"), [(len, "it is a function"), (Batched(), "has no method reconfigure")])
def test_a_config_nobody_takes_is_an_error(target, text):
    with pytest.raises(RayServeException, match=text):
        configured(target, {"v": 1})


def test_a_reconfigure_that_failed_is_tried_again():
    class Moody(Counter):
        def reconfigure(self, config):
            self.seen.append(config)
            if len(self.seen) == 1:
                raise ValueError("not yet")

    async def scenario():
        it = servable(moody)
        with pytest.raises(ValueError, match="not yet"):
            await it.configure(BackendConfig(user_config=1))
        await it.configure(BackendConfig(user_config=1))

    moody = Moody()
    asyncio.run(scenario())
    assert moody.seen == [1, 1]


def test_a_health_check_is_the_users():
    class Sick:
        async def check_health(self):
            raise RuntimeError("sick")

    assert not servable(Counter()).has_health_check
    assert servable(Sick()).has_health_check
    with pytest.raises(RuntimeError, match="sick"):
        asyncio.run(servable(Sick()).check_health())


@pytest.mark.parametrize("is_async", [False, True])
def test_the_destructor_is_called_exactly_once(is_async):
    calls = []

    class Sync:
        def __del__(self):
            calls.append("del")

    class Async:
        async def __del__(self):
            calls.append("del")

    target = Async() if is_async else Sync()
    it = servable(target)
    asyncio.run(it.destroy())
    del target, it
    assert calls == ["del"]


# ---- Ray 0.8


@pytest.mark.parametrize(
    ("target", "needs", "may"),
    [
        (lambda request: 1, True, True),
        (lambda request=None: 1, False, True),
        (lambda *requests: 1, False, True),
        (lambda *, x=None: 1, False, False),
        (lambda: 1, False, False),
    ],
)
def test_a_handler_of_0_8_is_asked_what_it_takes(target, needs, may):
    handler = servable(target, V0_8).find("__call__")
    assert (handler.needs_positional, handler.may_take_positional) == (needs, may)


def test_a_batch_of_0_8_gets_lists_and_its_size():
    @accept_batch
    def batched(requests, x):
        return [(len(requests), value, WEB.get(), BATCH_SIZE.get()) for value in x]

    async def both():
        model = servable(batched, V0_8, max_batch_size=2)
        calls = [model.call("__call__", (NoRequest(),), {"x": number}) for number in range(2)]
        return await asyncio.gather(*calls)

    assert asyncio.run(both()) == [(2, 0, False, 2), (2, 1, False, 2)]
    assert BATCH_SIZE.get() is None
