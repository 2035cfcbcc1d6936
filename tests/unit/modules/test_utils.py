import http.server
import threading

import pytest

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


def test_it_gives_up_and_says_what_it_met(server):
    server.statuses += [503] * 1000
    with pytest.raises(TimeoutError, match="503"):
        block_until_http_ready(url(server), backoff_time_s=0.01, timeout=0.05)


def test_random_letters_have_the_length_asked_for():
    assert len(get_random_letters()) == 6
    assert len(get_random_letters(9)) == 9
