import asyncio

from legacy.control.turns import Turns


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(Turns()), 10))


async def hold(turns, name, order, until=None, next_one=False):
    async with turns.take("a", next_one):
        order.append(name)
        if until is not None:
            await until.wait()


def test_turns_are_taken_in_the_order_of_asking_and_by_one_at_a_time():
    async def scenario(turns):
        order, over = [], asyncio.Event()
        tasks = [asyncio.ensure_future(hold(turns, name, order, over)) for name in "xyz"]
        await asyncio.sleep(0)
        assert order == ["x"]
        over.set()
        await asyncio.gather(*tasks)
        return order

    assert run(scenario) == ["x", "y", "z"]


def test_who_may_go_next_goes_before_all_who_wait():
    async def scenario(turns):
        order, over = [], asyncio.Event()
        tasks = [asyncio.ensure_future(hold(turns, name, order, over, name == "z")) for name in "xyz"]
        await asyncio.sleep(0)
        over.set()
        await asyncio.gather(*tasks)
        return order

    assert run(scenario) == ["x", "z", "y"]


def test_who_stops_waiting_or_fails_does_not_hold_up_the_others():
    async def scenario(turns):
        order, over = [], asyncio.Event()
        first, gone, last = (asyncio.ensure_future(hold(turns, name, order, over)) for name in "xyz")
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        first.cancel()
        over.set()
        await asyncio.gather(first, gone, last, return_exceptions=True)
        return order

    assert run(scenario) == ["x", "z"]


def test_a_turn_that_is_given_to_someone_who_leaves_in_that_moment_goes_to_the_next():
    async def scenario(turns):
        order, over = [], asyncio.Event()
        first, gone, last = (asyncio.ensure_future(hold(turns, name, order, over)) for name in "xyz")
        await asyncio.sleep(0)
        over.set()
        await first  # the second has been given the turn and has not run yet, or has just
        gone.cancel()
        await asyncio.gather(gone, last, return_exceptions=True)
        return order[-1]

    assert run(scenario) == "z"


def test_backends_do_not_wait_for_each_other():
    async def scenario(turns):
        async with turns.take("a"), turns.take("b"):
            return True

    assert run(scenario)
