"""What a Challenge publishes for the names that can be asked for."""

import pytest
from msgspec.structs import replace

from certwright.acme.jws import AccountKey
from certwright.base.problem import Stalled
from certwright.controllers.challenge_steps import presentation_of
from tests.acme_objects import a_challenge
from tests.fakes.acme import FakeCa, FakeClient
from tests.fakes.clock import FakeClock


def test_a_name_with_no_room_for_the_label_needs_a_person() -> None:
    long = ".".join(["a" * 60] * 4) + ".example"
    challenge = a_challenge()
    asked = replace(challenge, spec=replace(challenge.spec, dns_name=long))
    client = FakeClient(FakeCa(clock=FakeClock()), AccountKey.generate())

    with pytest.raises(Stalled, match="no TXT record can prove") as refused:
        presentation_of(asked, client)

    assert refused.value.remedy == "Ask for a shorter name."
