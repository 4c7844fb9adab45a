"""What may be reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.net.guard import ForbiddenAddress, check_url, is_forbidden, is_loopback, origin


@pytest.mark.parametrize(
    "url",
    [
        "https://ca.example/directory",
        "https://10.0.0.1:8443/",
        "https://[2001:db8::1]/",
        "http://127.0.0.1:80/",
        "http://[::1]:80/",
        "http://localhost/",
        "http://acme.LOCALHOST./",
        "http://[::ffff:127.0.0.1]/",
    ],
)
def test_https_and_this_machine_may_be_reached(url: str) -> None:
    assert check_url(url).geturl().lower() == url.lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://ca.example/",
        "http://10.0.0.1/",
        "http://localhost.example/",
        "https://169.254.169.254/latest/meta-data",
        "http://169.254.169.254/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
        "https://[::]/",
        "https://224.0.0.1/",
        "https://user:secret@ca.example/",
        "https://user@ca.example/",
        "ftp://ca.example/",
        "file:///etc/passwd",
        "https:///path",
        "https://ca.example:port/",
        "https://[::1/",
        "//ca.example/",
        "",
    ],
)
def test_anything_else_may_not(url: str) -> None:
    with pytest.raises(ForbiddenAddress) as error:
        check_url(url)

    assert "secret" not in error.value.message


def test_plain_http_is_allowed_to_a_name_that_the_map_puts_on_this_machine() -> None:
    addresses = {"ca.test": ("127.0.0.1", 1), "far.test": ("192.0.2.1", 1)}

    assert check_url("http://ca.test/", addresses).hostname == "ca.test"
    with pytest.raises(ForbiddenAddress):
        check_url("http://far.test/", addresses)


def test_name_is_neither_forbidden_nor_loopback_by_itself() -> None:
    assert not is_forbidden("ca.example")
    assert not is_loopback("ca.example")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ca.example/path?key=1#x", "https://ca.example"),
        ("https://user:pw@ca.example:8443/", "https://ca.example:8443"),
        ("https://[::1]:1/", "https://[::1]:1"),
        ("https://a:b", "an unreadable URL"),
        ("https://a\x1bb/", "https://a\\x1bb"),
    ],
)
def test_origin_shows_no_path_query_or_password(url: str, shown: str) -> None:
    assert origin(url) == shown


@given(st.text(max_size=80))
def test_any_text_is_a_url_or_an_error(text: str) -> None:
    try:
        seen = check_url(text).scheme
    except ForbiddenAddress as error:
        seen = error.message

    assert seen.isprintable()
