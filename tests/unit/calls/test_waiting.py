import asyncio
import threading
from concurrent.futures import Future

import pytest

from legacy.calls.waiting import Pause, run, run_async
from legacy.errors import DeadlineError


def done(value=None):
    future = Future()
    future.set_result(value)
    return future


def failed(error):
    future = Future()
    future.set_exception(error)
    return future


def work(future, log, limit_s=None):
    try:
        yield Pause(future, limit_s, DeadlineError("too late"))
    except BaseException as error:
        log.append(type(error))
        raise
    log.append("went on")
    return future.result()


both = pytest.mark.parametrize("drive", [run, lambda work, timeout: asyncio.run(run_async(work, timeout))])


@both
def test_work_goes_on_when_its_future_is_done(drive):
    log = []
    assert drive(work(done(7), log), 5) == 7
    assert log == ["went on"]


@both
def test_work_without_a_pause_just_returns(drive):
    def quick():
        return 3
        yield

    assert drive(quick(), 0) == 3


@both
def test_too_late_raises_what_the_pause_says_after_the_work_cleaned_up(drive):
    log = []
    with pytest.raises(DeadlineError, match="too late"):
        drive(work(Future(), log), 0.01)
    assert log == [DeadlineError]


@both
def test_a_pause_may_have_a_limit_of_its_own(drive):
    with pytest.raises(DeadlineError):
        drive(work(Future(), [], limit_s=0.01), 100)


@both
def test_the_futures_error_is_thrown_into_the_work(drive):
    log = []
    with pytest.raises(LookupError):
        drive(work(failed(LookupError("gone")), log), 5)
    assert log == [LookupError]


@both
def test_a_timeout_error_of_the_future_itself_is_not_taken_for_the_deadline(drive):
    with pytest.raises(TimeoutError):
        drive(work(failed(TimeoutError("of its own")), []), 5)


def test_another_thread_lets_a_blocked_caller_go_on():
    future, log = Future(), []
    threading.Timer(0.01, future.set_result, ["x"]).start()
    assert run(work(future, log), 5) == "x"


def test_cancelling_the_task_reaches_the_work_but_not_a_shared_future():
    future, log = Future(), []

    async def main():
        task = asyncio.ensure_future(run_async(work(future, log), 5))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == [asyncio.CancelledError]
    assert not future.cancelled()
