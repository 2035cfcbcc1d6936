import asyncio
import json
import stat

import pytest

from legacy.ingress.record import MAX_BODY, line, recorded
from serve_compat.verify.exchange import Request, requests_of

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/a b",
    "raw_path": b"/a%20b",
    "query_string": b"x=1&y=%2F",
    "headers": [
        (b"content-type", b"text/plain"),
        (b"Authorization", b"secret"),
        (b"cookie", b"secret"),
        (b"host", b"h"),
    ],
}


async def reads_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass


def record(path, scope, *parts, application=reads_all):
    messages = iter([{"type": "http.request", "body": part, "more_body": True} for part in parts])

    async def receive():
        return next(messages, {"type": "http.request", "body": b"", "more_body": False})

    asyncio.run(recorded(application, str(path))(scope, receive, None))


def test_what_is_recorded_can_be_sent_again(tmp_path):
    record(tmp_path / "r", SCOPE, b"one ", b"two")
    record(tmp_path / "r", {**SCOPE, "method": "GET", "headers": []})
    assert requests_of((tmp_path / "r").read_text().splitlines()) == [
        Request("POST", "/a%20b?x=1&y=%2F", (("content-type", "text/plain"),), b"one two"),
        Request("GET", "/a%20b?x=1&y=%2F"),
    ]


def test_it_holds_no_credentials_and_is_for_its_owner_only(tmp_path):
    record(tmp_path / "r", SCOPE)
    assert "secret" not in (tmp_path / "r").read_text()
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o600


MULTIPART = (
    b'--q\r\nContent-Disposition: form-data; name="password"\r\n\r\nS3CRET\r\n'
    b'--q\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nContent-Type: x/y\r\n\r\n\xff\x00\r\n--q--\r\n'
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"user=a&password=S3CRET"),
        ("", b'{"password": "S3CRET"}'),
        ("text/plain", b'{"password": ["S3CRET"]}'),
        ("text/plain", b"curl -H 'Authorization: Bearer S3CRET' https://me:S3CRET@h/?token=S3CRET"),
        ("application/x-ndjson", b'{"token": "S3CRET"}\n{"token": "S3CRET"}\n'),
        ("application/json; charset=utf-16", '{"password": "S3CRET"}'.encode("utf-16")),
        ("multipart/form-data; boundary=q", MULTIPART),
    ],
)
def test_no_body_shows_its_secrets_whatever_its_type_says(tmp_path, kind, body):
    record(tmp_path / "r", {**SCOPE, "headers": [(b"content-type", kind.encode())]}, body)
    (request,) = requests_of([(tmp_path / "r").read_text()])
    assert b"S3CRET" not in request.body
    assert (b"\xff\x00" in request.body) == (body is MULTIPART)


def test_a_path_that_holds_a_url_shows_no_password():
    assert "S3CRET" not in line({**SCOPE, "raw_path": b"/get/https://me:S3CRET@h/"}, b"", 0)


def test_a_body_that_is_no_text_is_kept(tmp_path):
    record(tmp_path / "r", SCOPE, b"\xff\x00")
    assert requests_of([(tmp_path / "r").read_text()])[0].body == b"\xff\x00"


def test_a_long_body_is_left_out_and_said_so():
    said = json.loads(line(SCOPE, b"", MAX_BODY + 1))
    assert "body" not in said
    assert "left out" in said["_note"]


def test_paths_of_the_proxy_itself_and_other_protocols_are_not_recorded(tmp_path):
    record(tmp_path / "r", {**SCOPE, "path": "/-/routes"})
    record(tmp_path / "r", {**SCOPE, "type": "lifespan"})
    assert not (tmp_path / "r").exists()


def test_a_file_that_cannot_be_written_harms_no_request(tmp_path, caplog):
    record(tmp_path / "no" / "such" / "folder", SCOPE)
    assert "could not be recorded" in caplog.text


@pytest.mark.parametrize(
    ("kind", "body", "kept"),
    [
        (b"application/x-www-form-urlencoded", b"user=a&password=s3cret", "user=a&password=***"),
        (b"application/json", b'{"token": "s3cret"}', '{"token": "***"}'),
        (b"text/plain", b"token=kept", "token=kept"),
    ],
)
def test_forms_and_json_hold_no_credentials_either(kind, body, kept):
    assert json.loads(line({**SCOPE, "headers": [(b"content-type", kind)]}, body, len(body)))["body"] == kept


def test_users_name_further_secrets_and_urls_in_headers_hold_none(tmp_path, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_SECRET_NAMES", "X-Customer, customer")
    headers = [(b"x-customer", b"s3cret"), (b"referer", b"http://h/?token=s3cret&a=1")]
    record(tmp_path / "r", {**SCOPE, "headers": headers, "query_string": b"customer=s3cret"})
    said = json.loads((tmp_path / "r").read_text())
    assert (said["path"], said["headers"]) == ("/a%20b?customer=***", [["referer", "http://h/?token=***&a=1"]])
