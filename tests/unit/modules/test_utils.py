import http.server
import threading

import pytest
import ray

from serve_compat.utils import block_until_http_ready, get_random_letters


@pytest.fixture
def server():
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.statuses.pop(0))
            self.end_headers()

        def log_message(self, *args):
            pass

    made = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    made.statuses = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def url(server):
    return f"http://127.0.0.1:{server.server_port}/-/routes"


def test_it_waits_until_the_answer_is_200(server):
    server.statuses += [503, 404, 200]
    block_until_http_ready(url(server), backoff_time_s=0.001)
    assert server.statuses == []


def test_the_answer_may_be_looked_at_too(server):
    server.statuses += [200, 503, 200, 200]
    looks = iter([False, True])
    block_until_http_ready(url(server), 0.001, lambda answer: answer.status_code == 200 and next(looks))
    assert len(server.statuses) == 1


def test_it_gives_up_and_says_what_it_met(server):
    server.statuses += [503] * 1000
    with pytest.raises(TimeoutError, match="503"):
        block_until_http_ready(url(server), backoff_time_s=0.01, timeout=0.05)


def test_it_may_be_called_as_a_task_as_in_the_originals(monkeypatch):
    options, called = [], []

    class Task:
        def remote(self, *args, **kwargs):
            called.append((args, kwargs))

    def made(**given):
        options.append(given)
        return lambda function: Task()

    monkeypatch.setattr(ray, "remote", made)
    block_until_http_ready.remote("http://h", timeout=5)
    assert (options, called) == ([{"num_cpus": 0}], [(("http://h",), {"timeout": 5})])


def test_random_letters_have_the_length_asked_for():
    assert len(get_random_letters()) == 6
    assert len(get_random_letters(9)) == 9
