import pytest

from legacy.redaction import is_hidden, json_without_secrets, redacted, secrets_in, without_secrets

SECRET = (
    "Authorization Proxy-Authorization cookie set-cookie X-API-Key x_api_key apikey x-auth-token X-Auth token id_token "
    "client_secret password passwd pwd sig X-Amz-Signature X-Goog-Credential session sessionid csrf XSRF-TOKEN "
    "Ocp-Apim-Subscription-Key x-functions-key authKey passcode pin x-amzn-oidc-data client_assertion"
)
READABLE = "content-type author max_tokens tokenizer key page passenger signal design X-Serve-Shard-Key sort_key spin"


@pytest.mark.parametrize("name", SECRET.split())
def test_names_of_secrets(name):
    assert is_hidden(name)


@pytest.mark.parametrize("name", READABLE.split())
def test_names_of_what_may_be_read(name):
    assert not is_hidden(name)


def test_users_may_name_more():
    assert is_hidden("X-Customer", ("x_customer",))
    assert without_secrets("customer=1&page=2", ("customer",)) == "customer=***&page=2"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("a=1&token=x&b", "a=1&token=***&b"),
        ("u=https%3A%2F%2Fme%3Apw%40h&p=1", "u=***&p=1"),
        ("%74oken=x;sig=y&sig", "%74oken=***;sig=***&sig"),
        ("", ""),
    ],
)
def test_a_query_keeps_the_rest_as_it_is(query, kept):
    assert without_secrets(query) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"password": "x", "n": [{"token": "y", "n": 5}]}', '{"password": "***", "n": [{"token": "***", "n": 5}]}'),
        ('{"password": 12345678, "api_keys": ["x", 5]}', '{"password": "***", "api_keys": ["***", "***"]}'),
        ('{"credentials": {"v": "x", "on": true}}', '{"credentials": {"v": "***", "on": true}}'),
        ('[{"name": "password", "value": "x"}]', '[{"name": "password", "value": "***"}]'),
        ('{"token": "x"}\n\n{"n": 1}\n', '{"token": "***"}\n\n{"n": 1}\n'),
        ('{"token":"x"}'.encode("utf-16"), '{"token": "***"}'),
        ('{"a":1}', None),
        ('{"max_tokens": 5, "tokens": ["a"], "key": "k"}', None),
        ("no json", None),
        ("[" * 100_000, None),
    ],
)  # fmt: skip
def test_a_json_body_is_changed_only_where_it_holds_a_secret(text, kept):
    assert json_without_secrets(text) == kept


def test_urls_in_a_text_lose_what_is_secret_in_them():
    assert redacted("git+https://me:p@w@h/r; https://h?mail=a@b") == "git+https://***@h/r; https://h?mail=a@b"
    assert redacted("https://h/#access_token=x&n=2, Bearer abc.def") == "https://h/#access_token=***&n=2, Bearer ***"
    text = "no http://me:pw@h/t/t0ken/ours, https://h/x?sig=1&n=2 and git+https://ghp_1@h/r; pw%40d"
    said = "no http://***@h/t/***/ours, https://h/x?sig=***&n=2 and git+https://***@h/r; ***"
    assert redacted(text, secrets_in(["https://me:pw%40d@h"])) == said


def test_the_secrets_of_urls_are_found_encoded_and_plain_and_short_ones_are_no_words():
    urls = ["https://me:pw%40d@h/t/t0ken/c", "git+https://ghp_1@h", "http://me:x@h", "https://ghp_2:x-oauth-basic@h"]
    assert secrets_in(urls) == {
        "pw%40d", "pw@d", "t0ken", "ghp_1", "ghp_2", "x-oauth-basic"
    }  # fmt: skip
