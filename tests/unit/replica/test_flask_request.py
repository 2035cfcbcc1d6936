import pickle

import pytest

from legacy.errors import RayServeException
from legacy.replica import flask_request as module
from legacy.replica.flask_request import environ, flask_request


def scope(*headers, path="/r", query=b"", method="POST"):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "server": ("127.0.0.1", 8000),
        "client": ("10.0.0.1", 5),
        "scheme": "http",
        "http_version": "1.1",
    }


@pytest.fixture(autouse=True)
def anew():
    module._request_class.cache_clear()
    yield
    module._request_class.cache_clear()


@pytest.fixture
def werkzeug():
    return pytest.importorskip("werkzeug")


def test_the_environment_is_that_of_the_request():
    made = environ(scope(("X-A", "1"), ("x-a", "2"), ("Content-Type", "text/plain"), path="/ä"), b"body")
    assert (made["HTTP_X_A"], made["CONTENT_TYPE"], made["CONTENT_LENGTH"]) == ("1,2", "text/plain", "4")
    assert made["PATH_INFO"].encode("latin-1").decode() == "/ä"
    assert (made["wsgi.input"].read(), made["SERVER_PORT"], made["REMOTE_ADDR"]) == (b"body", "8000", "10.0.0.1")


def test_a_chunked_body_has_its_length():
    made = environ(scope(("Transfer-Encoding", "chunked")), b"abc")
    assert made["CONTENT_LENGTH"] == "3"
    assert "HTTP_TRANSFER_ENCODING" not in made


def test_the_client_and_the_scheme_are_those_of_its_own_connection(werkzeug):
    asked = {**scope(("Host", "shop.example")), "client": ("9.9.9.9", 0), "scheme": "https"}
    request = flask_request(asked, b"")
    assert (request.remote_addr, request.scheme, request.url) == ("9.9.9.9", "https", "https://shop.example/r")
    assert pickle.loads(pickle.dumps(request)).remote_addr == "9.9.9.9"
    assert flask_request({**asked, "client": None}, b"").remote_addr is None


def test_query_headers_and_method(werkzeug):
    request = flask_request(scope(("X-A", "1"), query=b"x=1&x=2&y=%20", method="GET"), b"")
    assert (request.args.get("x"), request.args.getlist("x"), request.args["y"]) == ("1", ["1", "2"], " ")
    assert (request.method, request.headers.get("x-a"), request.path) == ("GET", "1", "/r")
    assert request.url == "http://127.0.0.1:8000/r?x=1&x=2&y=%20"


def test_json_is_an_attribute_and_a_method(werkzeug):
    request = flask_request(scope(("Content-Type", "application/json")), b'{"x": [1]}')
    assert request.json == {"x": [1]} == request.get_json()
    assert request.data == b'{"x": [1]}' == request.get_data()


def test_json_of_another_content_type_is_none_unless_forced(werkzeug):
    request = flask_request(scope(("Content-Type", "text/plain")), b'{"x": 1}')
    assert request.json is None
    assert request.get_json(force=True) == {"x": 1}
    assert flask_request(scope(), b"").json is None


def test_json_that_is_none_raises_or_is_silent(werkzeug):
    request = flask_request(scope(("Content-Type", "application/json")), b"{")
    assert request.get_json(silent=True) is None
    with pytest.raises(werkzeug.exceptions.BadRequest):
        request.json  # noqa: B018


def test_forms_and_files(werkzeug):
    form = flask_request(scope(("Content-Type", "application/x-www-form-urlencoded")), b"a=1&b=2")
    assert (form.form["a"], form.form.to_dict(), form.data) == ("1", {"a": "1", "b": "2"}, b"")
    body = b'--x\r\nContent-Disposition: form-data; name="up"; filename="n.txt"\r\n\r\nhello\r\n--x--\r\n'
    files = flask_request(scope(("Content-Type", "multipart/form-data; boundary=x")), body).files
    assert (files["up"].filename, files["up"].read()) == ("n.txt", b"hello")
    files["up"].close()


def test_a_long_form_field_is_read_whole(werkzeug):
    long = b"x" * 2_000_000
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + long + b"\r\n--x--\r\n"
    request = flask_request(scope(("Content-Type", "multipart/form-data; boundary=x")), body)
    assert len(request.form["a"]) == len(long)


def test_it_survives_the_way_through_a_handle(werkzeug):
    request = flask_request(scope(("Content-Type", "application/json"), query=b"a=1"), b'{"x": 1}')
    again = pickle.loads(pickle.dumps(request))
    assert (again.json, again.args["a"], again.method) == ({"x": 1}, "1", "POST")


def test_without_werkzeug_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(module, "is_available", lambda: False)
    with pytest.raises(RayServeException, match=r"pip install 'werkzeug>="):
        flask_request(scope(), b"")


def test_programs_see_flasks_class_of_requests():
    kind = type(flask_request(scope(), b""))
    assert (str(kind), kind.__name__) == ("<class 'flask.wrappers.Request'>", "Request")
