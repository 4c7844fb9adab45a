from certwright.policy.naming import computed_name, order_name


def test_name_is_the_prefix_and_fnv1_of_go_json() -> None:
    # FNV-1 (not 1a), 32 bits, of the text {"a":"b"}
    expected = 2166136261
    for octet in b'{"a":"b"}':
        expected = (expected * 16777619 % 2**32) ^ octet

    assert computed_name("web-1", {"a": "b"}) == f"web-1-{expected}"


def test_long_prefix_is_cut_back_to_a_letter_or_digit() -> None:
    name = computed_name("a" * 50 + "--bcd", {})

    assert name.startswith("a" * 50 + "-")
    assert not name.startswith("a" * 50 + "--")
    assert len(name) <= 63


def test_html_letters_are_escaped_as_go_does() -> None:
    assert computed_name("a", {"x": "<&>"}) != computed_name("a", {"x": "()"})
    assert computed_name("a", {"x": "<"}) == computed_name("a", {"x": "<"})


def test_request_bytes_do_not_change_an_orders_name() -> None:
    one = order_name("web-1", {"request": "AAAA", "dnsNames": ["a"]})
    other = order_name("web-1", {"request": "BBBB", "dnsNames": ["a"]})

    assert one == other


def test_long_request_names_that_begin_alike_get_different_orders() -> None:
    one = order_name("a" * 60 + "-1", {"request": ""})
    other = order_name("a" * 60 + "-2", {"request": ""})

    assert one != other
