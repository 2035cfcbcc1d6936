import asyncio
import contextlib
import gc
import inspect
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray import cloudpickle

from legacy.errors import RayServeException
from legacy.replica.batch_core import BatchCore
from legacy.replica.batching import Batcher, batch


def batcher(handler, max_size=3, wait_s=0.0, at_once=None):
    return Batcher(handler, "model", BatchCore(max_size, wait_s, at_once))


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_requests_that_arrive_together_are_one_batch():
    async def scenario():
        sizes = batcher(counted)
        return await asyncio.gather(*(sizes.submit(None) for _ in range(7)))

    assert run(scenario) == [3, 3, 3, 3, 3, 3, 1]


async def counted(requests):
    return [len(requests)] * len(requests)


def test_a_partial_batch_runs_after_its_wait():
    async def scenario():
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await batcher(counted, max_size=100, wait_s=0.05).submit(None)
        return found, loop.time() - began

    found, seconds = run(scenario)
    assert found == 1
    assert 0.045 <= seconds < 2


def test_an_error_goes_to_every_caller_and_the_queue_lives_on():
    async def fails_once(requests):
        if "bad" in requests:
            raise ValueError("batch failed")
        return requests

    async def scenario():
        queue = batcher(fails_once)
        errors = await asyncio.gather(*(queue.submit(one) for one in ("a", "bad", "b")), return_exceptions=True)
        return errors, await queue.submit("good")

    errors, good = run(scenario)
    assert [type(error) for error in errors] == [ValueError] * 3
    assert good == "good"


def test_an_error_is_that_of_its_batch_and_of_no_other():
    async def handler(requests):
        if "bad" in requests:
            raise ValueError(f"in {requests}")
        return requests

    async def scenario():
        queue = batcher(handler, max_size=2)
        return await asyncio.gather(*(queue.submit(one) for one in ("a", "b", "bad", "c", "d")), return_exceptions=True)

    assert list(map(str, run(scenario))) == ["a", "b", "in ['bad', 'c']", "in ['bad', 'c']", "d"]


def test_an_error_as_an_answer_is_that_of_one_caller():
    only_mine = KeyError("only mine")

    async def handler(requests):
        return [only_mine if one == "bad" else one for one in requests]

    async def scenario():
        queue = batcher(handler)
        return await asyncio.gather(*(queue.submit(one) for one in ("a", "bad", "b")))

    assert run(scenario) == ["a", only_mine, "b"]


def test_a_wrong_number_of_answers_fails_all_of_the_batch_and_no_other():
    async def scenario():
        queue = batcher(lambda requests: answered(requests[1:] if "short" in requests else requests))
        found = await asyncio.gather(*(queue.submit(one) for one in ("short", "b", "c", "d")), return_exceptions=True)
        return found, await queue.submit("good")

    (*failed, other), good = run(scenario)
    assert [type(error) for error in failed] == [RayServeException] * 3
    assert {str(error) for error in failed} == {
        "model was given 3 requests and returned 2 answers; give one answer per request"
    }
    assert (other, good) == ("d", "good")


async def answered(requests):
    return requests


def test_a_cancelled_caller_drops_out_before_its_batch_runs():
    async def scenario():
        queue = batcher(answered, max_size=10, wait_s=0.05)
        tasks = [asyncio.create_task(queue.submit(one)) for one in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = run(scenario)
    assert (first, third) == ("a", "c")
    assert isinstance(second, asyncio.CancelledError)


def test_a_running_batch_goes_on_for_those_who_stay_and_stops_when_all_left():
    outcome = []

    async def scenario():
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def handler(requests):
            begun.set()
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                outcome.append("stopped")
                raise
            return requests

        queue = batcher(handler, at_once=1)
        tasks = [asyncio.create_task(queue.submit(one)) for one in "ab"]
        await begun.wait()
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert outcome == []
        tasks[1].cancel()
        await asyncio.wait(tasks)
        go_on.set()
        return await queue.submit("later")

    assert run(scenario) == "later"
    assert outcome == ["stopped"]


def test_a_batch_whose_callers_leave_before_its_first_step_does_not_block_the_queue():
    async def scenario():
        queue = batcher(answered, at_once=1)
        task = asyncio.create_task(queue.submit("gone"))
        await asyncio.sleep(0)  # submit has run
        asyncio.get_running_loop().call_soon(task.cancel)  # after the flush, before the batch's task
        await asyncio.wait([task])
        return await queue.submit("next")

    assert run(scenario) == "next"


class HastyLoop(asyncio.SelectorEventLoop):
    """Time goes on only while nothing is to be done, and then at once."""

    now = 0.0

    def __init__(self):
        super().__init__()
        select = self._selector.select
        self._selector.select = lambda timeout: self._pass(timeout) or select(0)

    def time(self):
        return self.now

    def _pass(self, timeout):
        self.now += timeout or 0


@given(
    st.sampled_from([None, 1]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=20),
)
def test_nobody_takes_longer_than_the_wait_and_the_work(at_once, wait_s, work_s, pauses):
    async def scenario():
        loop, took = asyncio.get_running_loop(), []

        async def handler(requests):
            await asyncio.sleep(work_s)
            return requests

        async def ask(queue):
            began = loop.time()
            await queue.submit(None)
            took.append(loop.time() - began)

        queue, asking = batcher(handler, 20, wait_s, at_once), []
        for pause in pauses:
            asking.append(asyncio.ensure_future(ask(queue)))
            await asyncio.sleep(pause)
        await asyncio.gather(*asking)
        return max(took)

    with contextlib.closing(HastyLoop()) as loop:
        slowest = loop.run_until_complete(scenario())
    before = work_s if at_once else 0  # the batch that runs already
    assert slowest <= max(wait_s, before) + work_s + 0.001


def test_new_limits_hold_at_once():
    async def scenario():
        queue = batcher(counted, max_size=100, wait_s=3600)
        tasks = [asyncio.create_task(queue.submit(None)) for _ in range(4)]
        await asyncio.sleep(0)
        queue.configure(max_size=2, wait_s=3600)
        return await asyncio.gather(*tasks)

    assert run(scenario) == [2, 2, 2, 2]


def test_batches_of_an_async_handler_overlap_unless_limited():
    async def scenario(at_once):
        running, peak = 0, 0

        async def handler(requests):
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1
            return requests

        queue = batcher(handler, max_size=1, at_once=at_once)
        await asyncio.gather(*(queue.submit(one) for one in range(3)))
        return peak

    assert asyncio.run(scenario(None)) == 3
    assert asyncio.run(scenario(1)) == 1


class Model:
    def __init__(self, factor=1):
        self.factor = factor

    @batch(max_batch_size=4, batch_wait_timeout_s=0.01)
    async def infer(self, xs, scale=None):
        scales = scale or [1] * len(xs)
        return [(x * self.factor * s, len(xs)) for x, s in zip(xs, scales, strict=True)]

    @batch
    async def __call__(self, xs):
        return xs


@batch(max_batch_size=2)
async def double(xs):
    return [2 * x for x in xs]


def test_decorated_functions_are_called_with_single_items():
    async def scenario():
        return await asyncio.gather(*(double(x) for x in range(5)))

    assert run(scenario) == [0, 2, 4, 6, 8]
    assert inspect.iscoroutinefunction(double)
    assert double.__name__ == "double"


def test_each_object_has_a_queue_of_its_own():
    async def scenario():
        one, ten = Model(1), Model(10)
        return await asyncio.gather(one.infer(1), ten.infer(1), one.infer(2))

    assert run(scenario) == [(1, 2), (10, 1), (2, 2)]


def test_keywords_arrive_as_lists_of_the_same_keyword():
    async def scenario():
        model = Model()
        return await asyncio.gather(model.infer(xs=2, scale=5), model.infer(3, scale=7))

    assert run(scenario) == [(10, 2), (21, 2)]


def test_callers_that_leave_a_default_out_may_share_a_batch_with_those_that_do_not():
    @batch
    async def power(xs, exponent=2):
        return [x**e for x, e in zip(xs, exponent, strict=True)]

    async def scenario():
        return await asyncio.gather(power(3), power(3, exponent=3))

    assert run(scenario) == [9, 27]


def test_a_dead_object_takes_its_queue_along():
    async def scenario():
        model = Model()
        await model.infer(1)
        return weakref.ref(model)

    gone = run(scenario)
    gc.collect()
    assert gone() is None


def test_decorated_code_can_be_sent_to_a_replica_even_after_use():
    async def scenario():
        model = Model(3)
        await model.infer(1)
        kind = cloudpickle.loads(cloudpickle.dumps(Model))
        return await kind(5).infer(1), await double(1)

    cloudpickle.register_pickle_by_value(inspect.getmodule(Model))
    try:
        assert run(scenario) == ((5, 1), 2)
    finally:
        cloudpickle.unregister_pickle_by_value(inspect.getmodule(Model))


def test_functions_and_static_methods_are_not_taken_for_methods():
    class Tools:
        @staticmethod
        @batch
        async def negate(xs):
            return [-x for x in xs]

    async def scenario():
        return await Tools.negate(4)

    assert run(scenario) == -4


def hidden(function):
    async def call(*args, **kwargs):
        return await function(*args, **kwargs)

    return call


class Pairs:
    """Every way to have a function of two lists in a class."""

    def __init__(self, value=1):
        self.value = value

    @staticmethod
    @batch
    async def static(xs, ys):
        return [f"{x}{y}" for x, y in zip(xs, ys, strict=True)]

    @classmethod
    @batch
    async def of_class(cls, xs, ys):
        return [f"{cls.__name__}{x}{y}" for x, y in zip(xs, ys, strict=True)]

    @hidden
    @batch
    async def under_a_decorator(self, xs, ys):
        return [f"{self.value}{x}{y}" for x, y in zip(xs, ys, strict=True)]

    @staticmethod
    @hidden
    @batch
    async def static_under_a_decorator(xs, ys):
        return [f"{x}{y}" for x, y in zip(xs, ys, strict=True)]

    def __str__(self):
        return f"<{self.value}>"


class Child(Pairs):
    pass


@pytest.mark.parametrize("kind", [Pairs, Child])
def test_a_function_in_a_class_has_a_self_unless_it_is_a_static_method(kind):
    async def scenario():
        one, both = kind(7), kind(8)
        of_class = [await kind.of_class(1, 2), await one.of_class(1, ys=2)]
        static = [await kind.static(1, 2), await one.static(1, ys=2), await kind.static(one, both)]
        return of_class, static, await one.under_a_decorator(1, 2), await one.static_under_a_decorator(one, 2)

    of_class, static = [f"{kind.__name__}12"] * 2, ["12", "12", "<7><8>"]
    assert run(scenario) == (of_class, static, "712", "<7>2")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_batch_size": "x"}, TypeError),
        ({"max_batch_size": 1.5}, TypeError),
        ({"max_batch_size": 0}, ValueError),
        ({"batch_wait_timeout_s": "x"}, TypeError),
        ({"batch_wait_timeout_s": -1}, ValueError),
    ],
)
def test_limits_are_checked(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        batch(**arguments)


@pytest.mark.parametrize("target", [lambda xs: xs, 5])
def test_only_async_functions_can_be_decorated(target):
    with pytest.raises(TypeError, match=r"@serve\.batch"):
        batch(target)
