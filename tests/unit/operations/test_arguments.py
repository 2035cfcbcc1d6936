import pytest

from legacy.constants import BESIDE_STOCK_NAME, CONTROLLER_NAME
from legacy.records import InstanceName
from serve_compat.operations.arguments import (
    check_registered,
    check_scalable,
    choose_instance,
    kind_of,
    share,
    weights,
)

STATUS = {
    "endpoints": {"greet": {}, "Model": {}, "both": {}, "door": {}},
    "backends": {
        "Model": {"style": "deployment", "autoscaling": [1, 4]},
        "both": {"style": "client", "autoscaling": None},
        "old": {"style": "module", "autoscaling": None},
    },
}


@pytest.mark.parametrize(("text", "number"), [("0.25", 0.25), ("25%", 0.25), ("1", 1.0), ("0", 0.0)])
def test_a_share_is_a_number_or_a_percentage(text, number):
    assert share(text) == number


@pytest.mark.parametrize("text", ["", "%", "half", "1/2"])
def test_a_share_that_is_none_is_refused_with_the_form_to_use(text):
    with pytest.raises(ValueError, match=r"0\.25 or 25%"):
        share(text)


def test_a_split_is_read_from_pairs_also_with_equals_signs_in_tags():
    assert weights(["old=0.9", "new=10%", "a=b=0"]) == {"old": 0.9, "new": 0.1, "a=b": 0.0}


@pytest.mark.parametrize("pairs", [["old"], ["=0.5"], ["old="], ["old=0.5", "old=0.5"]])
def test_a_split_that_cannot_be_read_is_refused(pairs):
    with pytest.raises(ValueError, match=r"BACKEND=SHARE|no share|twice"):
        weights(pairs)


@pytest.mark.parametrize(("name", "kind"), [("greet", "endpoint"), ("old", "backend"), ("Model", "deployment")])
def test_what_a_name_is_decides_what_is_deleted(name, kind):
    assert kind_of(name, STATUS) == kind


def test_an_endpoint_and_a_backend_of_one_name_have_to_be_told_apart():
    with pytest.raises(LookupError, match="--endpoint or --backend"):
        kind_of("both", STATUS)


def test_an_unknown_name_is_refused_with_the_closest_one():
    with pytest.raises(LookupError, match="did you mean 'greet'"):
        kind_of("gret", STATUS)


def test_a_name_of_another_kind_is_refused():
    with pytest.raises(LookupError, match="no deployment is called 'old'; there is 'Model'"):
        check_registered("deployment", "old", STATUS)
    check_registered("backend", "Model", STATUS)


def test_a_backend_that_scales_by_itself_is_not_scaled():
    check_scalable("old", STATUS)
    with pytest.raises(ValueError, match="between 1 and 4"):
        check_scalable("Model", STATUS)


def chosen(ours, namespace=None, instance=None, others=(), preferred=CONTROLLER_NAME):
    names = [[InstanceName(controller, space) for space, controller in each] for each in (ours, others)]
    return choose_instance(*names, namespace, instance, preferred)


def test_the_only_detached_instance_is_found_in_whatever_namespace():
    ours = [("serve", BESIDE_STOCK_NAME), ("x", f"abcdef:{CONTROLLER_NAME}")]
    assert chosen(ours) == (BESIDE_STOCK_NAME, "serve")


def test_a_drivers_own_instance_has_to_be_named():
    ours = [("x", f"abcdef:{CONTROLLER_NAME}")]
    assert f"--instance abcdef:{CONTROLLER_NAME}" in chosen(ours)
    assert chosen(ours, instance=f"abcdef:{CONTROLLER_NAME}") == (f"abcdef:{CONTROLLER_NAME}", "x")


def test_several_instances_are_told_apart_by_their_namespace():
    ours = [("a", CONTROLLER_NAME), ("b", CONTROLLER_NAME)]
    assert f"\n  --namespace b --instance {CONTROLLER_NAME}" in chosen(ours)
    assert chosen(ours, "b") == (CONTROLLER_NAME, "b")


def test_of_several_in_one_namespace_the_one_that_was_set_is_taken_or_one_has_to_be_named():
    ours = [("a", "green"), ("a", "blue")]
    assert "--instance blue\n" in chosen(ours)
    assert chosen(ours, preferred="green") == ("green", "a")
    assert chosen(ours, instance="blue", preferred="green") == ("blue", "a")


def test_what_is_another_programs_is_named_and_never_chosen():
    stock = [("serve", CONTROLLER_NAME)]
    assert f"stock Ray Serve's or another program's:\n  --namespace serve --instance {CONTROLLER_NAME}" in chosen(
        [], others=stock
    )
    assert "no serve instance called" in chosen([], instance=CONTROLLER_NAME, others=stock)
    assert "stock" not in chosen([], "elsewhere", others=stock)
    assert chosen([("serve", BESIDE_STOCK_NAME)], others=stock) == (BESIDE_STOCK_NAME, "serve")


@pytest.mark.parametrize(("namespace", "name"), [(None, None), ("x", None), (None, "abcdef")])
def test_no_instance_is_said_with_what_to_do(namespace, name):
    text = chosen([], namespace, name)
    assert text.startswith("no serve instance")
    assert "serve.start(detached=True)" in text
