import contextvars

import pytest

from legacy.replica.call_context import BATCH_SIZE, WEB
from serve_compat import context


def test_outside_a_call_there_is_neither_web_nor_a_batch():
    assert (context.web, context.batch_size) == (False, None)


def test_a_handler_sees_what_belongs_to_its_own_call():
    def call():
        WEB.set(True)
        BATCH_SIZE.set(3)
        return context.web, context.batch_size

    assert contextvars.copy_context().run(call) == (True, 3)
    assert (context.web, context.batch_size) == (False, None)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="nonsense"):
        context.nonsense  # noqa: B018
    assert context.TaskContext.Web == 1
