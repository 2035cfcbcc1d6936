import pytest

from legacy.config import Door
from legacy.session.instances import random_letters, second_start


@pytest.mark.parametrize(
    ("used", "same_address", "meaning"),
    [
        (set(), True, "attach"),
        (set(), False, "new"),
        ({Door.CLIENT}, True, "new"),
        ({Door.CLIENT}, False, "new"),
        ({Door.MODULE}, True, "attach"),
        ({Door.MODULE}, False, "attach"),
        ({Door.DEPLOYMENT}, False, "attach"),
        ({Door.CLIENT, Door.MODULE}, False, "attach"),
    ],
)
def test_a_second_start_attaches_or_makes_an_instance_beside_the_first(used, same_address, meaning):
    assert second_start(used, same_address) == meaning


def test_random_letters_are_letters():
    assert len(random_letters()) == 6
    assert random_letters(20).isalpha()
