import asyncio
import time

import pytest
import ray.exceptions

from legacy.config import ALIVE_PERIOD_S, ALIVE_TIMEOUT_S, BackendConfig
from legacy.control.answering import UNANSWERED, until_silent

FOUND_S = 15.0
NEVER = asyncio.TimeoutError
AWAY = ray.exceptions.ActorUnavailableError


class Asked:
    """A replica that answers as it is told, one question after the other; after them it is dead."""

    def __init__(self, *answers):
        self.alive = self
        self.questions = 0
        self._answers = list(answers)

    async def remote(self):
        self.questions += 1
        if not self._answers:
            raise ray.exceptions.RayActorError()
        answer = self._answers.pop(0)
        if answer is AWAY:
            raise ray.exceptions.ActorUnavailableError("away", None)
        if answer is not None:
            await asyncio.sleep(60)


def silent(*answers, works=()):
    """Whether a replica that answers so is silent for good, and how many questions that took."""
    replica, looks = Asked(*answers), list(works)

    async def is_working():
        return bool(looks) and looks.pop(0)

    async def scenario():
        found = await until_silent("a#1", replica, lambda: (0.001, 0.01), is_working)
        return found, replica.questions

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_three_questions_in_a_row_without_an_answer_are_the_end():
    assert silent(None, NEVER, NEVER, NEVER, NEVER) == (True, 4)


@pytest.mark.parametrize("answers", [[NEVER, None] * 20, [NEVER, NEVER, None] * 10])
def test_who_answers_now_and_then_is_never_silent(answers):
    assert silent(*answers) == (False, len(answers) + 1)


def test_who_cannot_be_reached_is_asked_on_and_has_the_time_of_an_answer_to_be_back():
    assert silent(AWAY, AWAY, None, AWAY) == (False, 5)
    begun = time.monotonic()
    assert silent(AWAY, AWAY, AWAY, None) == (True, 3)
    assert time.monotonic() - begun >= 3 * 0.01


def test_the_first_question_comes_at_once_since_a_controller_before_may_have_waited_for_the_last_answer():
    async def scenario():
        nobody = Asked(NEVER, NEVER, NEVER)
        return await until_silent("a#1", nobody, lambda: (60.0, 0.01), not_working)

    async def not_working():
        return False

    assert asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_replica_that_is_dead_is_seen_by_others():
    assert silent() == (False, 1)


def test_who_computes_is_left_alone_as_long_as_it_does_and_that_is_said_once(caplog):
    never = [NEVER] * 8
    assert silent(*never, works=[True] * 5) == (True, 7)  # the first look comes with the second question
    assert caplog.text.count("left alone") == 1


def test_a_stopped_process_is_found_in_time_by_default():
    assert BackendConfig().answer_limits() == (ALIVE_PERIOD_S, ALIVE_TIMEOUT_S)
    assert ALIVE_PERIOD_S + UNANSWERED * ALIVE_TIMEOUT_S <= FOUND_S - 1  # the rest is for the kill


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({"health_check_timeout_s": 60}, (ALIVE_PERIOD_S, 60)),
        ({"health_check_period_s": 1, "health_check_timeout_s": 2}, (1, 2)),
    ],
)
def test_limits_that_are_given_hold_for_the_process_too(given, limits):
    assert BackendConfig(**given).answer_limits() == limits
