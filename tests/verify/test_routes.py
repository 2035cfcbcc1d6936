import http.server
import json
import threading

import pytest

from serve_compat.verify import routes
from serve_compat.verify.exchange import Request

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000
   1: 0100007F:0016 00000000:0000 0A 00000000:00000000
   2: 0100007F:1F41 0100007F:1F40 01 00000000:00000000
"""


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.table).encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        running.table = {"/a": "a"}
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_the_usual_port_is_tried_first():
    assert routes.listening_ports([TABLE, "head\n"]) == [8000, 22]


def test_the_server_is_found_among_all_that_listen(server):
    assert routes.find("127.0.0.1", server.server_port, alone=True) == (server.server_port, {"/a": "a"})


def test_an_http_server_that_is_no_ray_serve_is_not_taken(server):
    server.table = ["not a table"]
    assert routes.find("127.0.0.1", server.server_port, alone=False) is None


def test_every_route_is_asked_by_a_method_it_takes():
    old = {"/b": ["b", ["POST"]], "/a": ["a", ["POST", "GET"]], "e": ["e", ["GET"]], "/t/{x}": ["t", ["GET"]]}
    assert routes.requests_for(old) == [Request("GET", "/a"), Request("POST", "/b")]
    assert routes.requests_for({"/": "app", "null": ["x", []]}) == [Request("GET", "/")]
