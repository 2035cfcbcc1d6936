import inspect

import pytest

from legacy.replica.backends import IMPORT_PATH, ImportedBackend, accept_batch, accepts_batches


@accept_batch
def function(requests):
    return requests


class OnCall:
    @accept_batch
    def __call__(self, requests):
        return requests


@accept_batch
class OnClass:
    def __call__(self, requests):
        return requests


class Plain:
    def __call__(self, request):
        return request


@pytest.mark.parametrize(
    ("target", "marked"),
    [(function, True), (OnCall, True), (OnClass, True), (Plain, False), (len, False), (object, False)],
)
def test_the_mark_of_accept_batch_is_found(target, marked):
    assert accepts_batches(target) is marked


def test_accept_batch_gives_back_the_same_object():
    def handler(requests):
        return requests

    assert accept_batch(handler) is handler


def test_an_imported_backend_is_a_class_that_names_a_path():
    made = ImportedBackend("package.module.Name")
    assert inspect.isclass(made)
    assert getattr(made, IMPORT_PATH) == "package.module.Name"


@pytest.mark.parametrize("path", ["Name", "", 5, None])
def test_an_imported_backend_needs_a_dotted_path(path):
    with pytest.raises(ValueError, match="dotted path"):
        ImportedBackend(path)
