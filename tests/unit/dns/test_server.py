import pytest

from certwright.dns.server import PUBLIC, BadServer, Server, choose_nameservers, parse_server


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", Server("192.0.2.1")),
        ("192.0.2.1:5353", Server("192.0.2.1", 5353)),
        ("[2001:db8::1]:5353", Server("2001:db8::1", 5353)),
        ("[2001:db8::1]", Server("2001:db8::1")),
        ("2001:db8::1", Server("2001:db8::1")),
        ("NS.Example.com:53", Server("ns.example.com")),
        ("https://dns.example/dns-query", Server(url="https://dns.example/dns-query")),
    ],
)
def test_a_server_is_read_as_options_write_it(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_server(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":53",
        "host:0",
        "host:65536",
        "host:x",
        "[host]:53",
        "[::1",
        "[::1]x",
        "https://",
        "a..b:53",
    ],
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(BadServer):
        parse_server(text)


def test_the_solvers_own_resolvers_win_and_public_ones_come_last() -> None:
    assert choose_nameservers(["a"], ["b"], ["c"]) == ("a",)
    assert choose_nameservers([], ["b"], ["c"]) == ("b",)
    assert choose_nameservers([], [], ["c"]) == ("c",)
    assert choose_nameservers([], [], []) == PUBLIC
