"""What Caddy is told, and which certificates a handshake gets."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from certwright.api.meta import Key
from certwright.base.secret import Redacted
from certwright.lab.edge import Wiring, caddy_config
from certwright.lab.ports import Ports
from certwright.lab.pull import find_secret
from tests.builders import an_ingress

PULL, PERMISSION = Redacted("http://127.0.0.1:1/one"), Redacted("http://127.0.0.1:1/two")


def wiring(**fields: Any) -> Wiring:
    whole: dict[str, Any] = {
        "folder": Path("/lab"),
        "ports": Ports(20000),
        "resolver_port": 53,
        "backend_port": 80,
        "pull": PULL,
        "permission": PERMISSION,
    }
    return Wiring(**{**whole, **fields})


def values(tree: object, name: str) -> Iterator[Any]:
    """Yield every value of that name in a configuration."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from values(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from values(value, name)


def test_it_listens_on_loopback_alone() -> None:
    config = caddy_config(wiring())

    assert sorted(chain.from_iterable(values(config, "listen"))) == [
        "127.0.0.1:20000",
        "127.0.0.1:20443",
    ]
    assert list(values(config, "disabled")) == [True]


def test_the_system_trust_store_is_left_alone() -> None:
    config = caddy_config(wiring())

    assert list(config["apps"]["pki"]["certificate_authorities"]) == ["local"]
    assert list(values(config, "install_trust")) == [False]


def test_no_public_ca_is_ever_asked() -> None:
    policies = caddy_config(wiring())["apps"]["tls"]["automation"]

    assert policies["on_demand"]["permission"]["endpoint"] == PERMISSION.reveal()
    assert [policy["issuers"] for policy in policies["policies"]] == [
        [{"module": "internal", "ca": "local"}],
        [{"module": "internal", "ca": "local"}],
    ]


def test_handshakes_for_names_outside_the_lab_end_at_once() -> None:
    edge = caddy_config(wiring())["apps"]["http"]["servers"]["edge"]

    names = edge["tls_connection_policies"][0]["match"]["sni"]
    assert all(name.endswith(".demo.localhost") for name in names)


def test_the_ca_signs_for_the_life_asked_for() -> None:
    config = caddy_config(wiring(lifetime=timedelta(minutes=5)))

    assert list(values(config, "lifetime")) == ["300s"]


def test_without_its_ca_only_the_site_is_there() -> None:
    servers = caddy_config(wiring(), with_ca=False)["apps"]["http"]["servers"]

    assert list(servers) == ["edge"]


def test_the_addresses_of_private_keys_are_not_shown_by_accident() -> None:
    assert "127.0.0.1:1" not in repr(wiring())


def test_a_handshake_gets_the_secret_that_an_ingress_names_for_its_host() -> None:
    ingresses = [an_ingress(hosts=("foo.demo.localhost", "*.foo.demo.localhost"), secret="tls")]

    assert find_secret(ingresses, "foo.demo.localhost") == Key("default", "tls")
    assert find_secret(ingresses, "any.foo.demo.localhost") == Key("default", "tls")


def test_a_host_that_no_ingress_serves_gets_nothing() -> None:
    ingresses = [an_ingress(hosts=("*.foo.demo.localhost",), secret="tls")]

    assert find_secret(ingresses, "a.b.foo.demo.localhost") is None
    assert find_secret(ingresses, "foo.demo.localhost") is None
    assert find_secret(ingresses, "evil.example") is None


def test_an_exact_host_beats_a_wildcard() -> None:
    wild = an_ingress("wild", hosts=("*.demo.localhost",), secret="wild")
    exact = an_ingress("exact", hosts=("foo.demo.localhost",), secret="exact")

    assert find_secret([wild, exact], "foo.demo.localhost") == Key("default", "exact")
