"""A store that only looks says what would be written, once, and lets nothing through."""

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.runtime.observe import LookingStore, OnlyLooking
from certwright.store.sqlite.store import SqliteStore
from tests.builders import a_certificate, a_secret
from tests.fakes.clock import FakeClock

KEY = Key("default", "web")


async def test_every_write_is_noted_and_refused() -> None:
    async with SqliteStore.open(":memory:", clock=FakeClock()) as inner:
        await inner.create(a_certificate(), manager="user")
        store = LookingStore(inner)
        issuing = {"type": "Issuing", "status": "True", "reason": "Renewing", "message": "due"}

        with pytest.raises(OnlyLooking):
            await store.create(a_secret(), manager="a")
        with pytest.raises(OnlyLooking):
            await store.patch(Certificate, KEY, {"spec": {"dnsNames": []}}, manager="b")
        with pytest.raises(OnlyLooking):
            await store.apply(Secret, KEY, {}, manager="c")
        with pytest.raises(OnlyLooking):
            await store.patch_status(Certificate, KEY, {"conditions": [issuing]}, manager="d")
        with pytest.raises(OnlyLooking):
            await store.patch_status(Certificate, KEY, {"revision": 2}, manager="e")
        for _ in range(2):
            with pytest.raises(OnlyLooking):
                await store.delete(Certificate, KEY)
        kept = await store.get(Certificate, KEY)
        listed = await store.list(Certificate)

    assert list(map(str, store.intentions)) == [
        "would create Secret default/web-tls as a",
        "would change Certificate default/web as b: spec.dnsNames",
        "would apply Secret default/web as c",
        "would issue again Certificate default/web as d: Renewing: due",
        "would change Certificate default/web as e: status.revision",
        "would delete Certificate default/web",
    ]
    assert listed.items == (kept,)
