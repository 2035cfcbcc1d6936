import pytest

from legacy.generations import DEPLOYMENT, V1_2, V1_4
from legacy.session.instances import random_letters, second_start


@pytest.mark.parametrize(
    ("used", "same_address", "meaning"),
    [
        (set(), True, "attach"),
        (set(), False, "new"),
        ({V1_2}, True, "new"),
        ({V1_2}, False, "new"),
        ({V1_4}, True, "attach"),
        ({V1_4}, False, "attach"),
        ({DEPLOYMENT}, False, "attach"),
        ({V1_2, V1_4}, False, "attach"),
    ],
)
def test_a_second_start_attaches_or_makes_an_instance_beside_the_first(used, same_address, meaning):
    assert second_start(used, same_address) == meaning


def test_random_letters_are_letters():
    assert len(random_letters()) == 6
    assert random_letters(20).isalpha()
