"""The setting of the Certificate tests: a store in memory, a signer, and the controller."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec import Struct

from certwright.controllers.certificate.controller import build_certificate_controller
from certwright.store.sqlite.store import SqliteStore
from tests.fakes.clock import START, FakeClock
from tests.fakes.inline import INLINE
from tests.fakes.signer import Signer
from tests.fakes.store import RecordingStore
from tests.harness import Running, a_world, running


class Setting(Struct):
    """What a test starts, restarts and looks at. `inner` is the store without the record."""

    clock: FakeClock
    inner: SqliteStore
    store: RecordingStore
    signer: Signer
    options: dict[str, Any]

    def running(self, dies_after: int | None = None) -> AbstractAsyncContextManager[Running]:
        """Run the Certificate controller and the signer over the store, as a new process."""
        if dies_after is not None or self.store.dead.is_set():
            self.store = RecordingStore(self.inner, dies_after=dies_after)
        certificates = build_certificate_controller(a_world(self.clock, **self.options))
        controllers = (certificates, self.signer.controller())
        rests = dies_after is None
        return running(controllers, self.store, self.clock, user=self.inner, rests=rests)


@asynccontextmanager
async def a_setting(
    *, now: datetime = START, mode: Any = "sign", **options: Any
) -> AsyncIterator[Setting]:
    clock = FakeClock(now)
    async with SqliteStore.open(":memory:", clock=clock, tuning=INLINE) as inner:
        yield Setting(
            clock=clock,
            inner=inner,
            store=RecordingStore(inner),
            signer=Signer(clock=clock, mode=mode),
            options=options,
        )
