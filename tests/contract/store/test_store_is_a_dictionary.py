"""Whatever is asked in whatever order: a store is a dictionary with versions."""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from certwright.api.certificate import Certificate
from certwright.api.meta import Key
from certwright.store.protocol import AlreadyExists, Change, Conflict, NotFound, Store
from tests.contract.store.conftest import Opener
from tests.contract.store.objects import a_certificate

T = TypeVar("T")
HOLD = "certwright.io/hold"

names = st.sampled_from(["one", "two", "three"])
values = st.sampled_from(["red", "green", "blue"])
labels = st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2)
managers = st.sampled_from(["first", "second"])


class Expected(msgspec.Struct):
    """What the model knows of one resource."""

    secret: str
    labels: dict[str, str]
    held: bool
    version: str
    uid: str
    generation: int = 1
    revision: int | None = None
    deleting: bool = False


class Dictionary(RuleBasedStateMachine):
    """Does the same to a store and to a dict, and compares."""

    opener: Opener
    stale = Bundle("stale")

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Expected] = {}
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.namespace = f"dictionary-{uuid.uuid4()}"
        context = self.opener(Path(self.folder.name))
        self.store: Store = self.run(self.stack.enter_async_context(context))
        self.start = self.run(self.store.list(Certificate)).version

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self.runner.run(awaited())

    def teardown(self) -> None:
        self.run(self._replayed_history_is_the_present())
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(target=stale, name=names, secret=values, labels=labels, held=st.booleans())
    def create(self, name: str, secret: str, labels: dict[str, str], held: bool) -> Any:  # noqa: FBT001
        asked = a_certificate(
            Key(self.namespace, name), labels=labels, finalizers=[HOLD] if held else []
        )
        asked = msgspec.structs.replace(
            asked, spec=msgspec.structs.replace(asked.spec, secret_name=secret)
        )
        if name in self.model:
            with pytest.raises(AlreadyExists):
                self.run(self.store.create(asked, manager="first"))
            return multiple()
        made = self.run(self.store.create(asked, manager="first"))
        assert made.metadata.uid not in {known.uid for known in self.model.values()}
        self.model[name] = Expected(
            secret=secret,
            labels=labels,
            held=held,
            version=made.metadata.resource_version,
            uid=made.metadata.uid,
        )
        return name, made.metadata.resource_version

    @rule(name=names, secret=values, label=values, manager=managers)
    def patch(self, name: str, secret: str, label: str, manager: str) -> None:
        patch = {"spec": {"secretName": secret}, "metadata": {"labels": {"a": label, "b": None}}}
        known = self.model.get(name)
        work = self.store.patch(Certificate, Key(self.namespace, name), patch, manager=manager)
        if known is None:
            with pytest.raises(NotFound):
                self.run(work)
            return
        made = self.run(work)
        known.generation += known.secret != secret
        changed = known.secret != secret or known.labels != {"a": label}
        known.secret, known.labels = secret, {"a": label}
        self._note_version(known, made, changed=changed)

    @rule(name=names, secret=values, manager=managers)
    def apply(self, name: str, secret: str, manager: str) -> None:
        known = self.model.get(name)
        if known is None:
            return
        fields = {"spec": {"secretName": secret}}
        key = Key(self.namespace, name)
        made = self.run(self.store.apply(Certificate, key, fields, manager=manager, force=True))
        changed = known.secret != secret
        known.generation += changed
        known.secret = secret
        assert changed <= (made.metadata.resource_version != known.version)
        known.version = made.metadata.resource_version

    @rule(name=names, revision=st.integers(1, 3))
    def report(self, name: str, revision: int) -> None:
        known = self.model.get(name)
        key = Key(self.namespace, name)
        work = self.store.patch_status(Certificate, key, {"revision": revision}, manager="first")
        if known is None:
            with pytest.raises(NotFound):
                self.run(work)
            return
        made = self.run(work)
        changed = known.revision != revision
        known.revision = revision
        self._note_version(known, made, changed=changed)

    @rule(old=consumes(stale))
    def write_with_an_old_version(self, old: tuple[str, str]) -> None:
        name, version = old
        known = self.model.get(name)
        if known is None or known.version == version:
            return
        key, patch = Key(self.namespace, name), {"spec": {"secretName": "never"}}
        with pytest.raises(Conflict):
            self.run(self.store.patch(Certificate, key, patch, manager="first", version=version))
        with pytest.raises(Conflict):
            self.run(self.store.delete(Certificate, key, version=version))

    @rule(name=names)
    def delete(self, name: str) -> None:
        known = self.model.get(name)
        work = self.store.delete(Certificate, Key(self.namespace, name))
        if known is None:
            with pytest.raises(NotFound):
                self.run(work)
            return
        self.run(work)
        if not known.held:
            del self.model[name]
        elif not known.deleting:
            known.deleting = True
            known.generation += 1
            known.version = self._stored(name).metadata.resource_version

    @rule(name=names)
    def release(self, name: str) -> None:
        known = self.model.get(name)
        if known is None:
            return
        patch = {"metadata": {"finalizers": None}}
        made = self.run(
            self.store.patch(Certificate, Key(self.namespace, name), patch, manager="first")
        )
        if known.deleting:
            del self.model[name]
            return
        self._note_version(known, made, changed=known.held)
        known.held = False

    @invariant()
    def the_list_is_the_dictionary(self) -> None:
        listing = self.run(self.store.list(Certificate, namespace=self.namespace))

        found = {
            item.metadata.name: Expected(
                secret=item.spec.secret_name,
                labels=dict(item.metadata.labels),
                held=bool(item.metadata.finalizers),
                version=item.metadata.resource_version,
                uid=item.metadata.uid,
                generation=item.metadata.generation,
                revision=item.status.revision,
                deleting=item.metadata.deleting,
            )
            for item in listing.items
        }
        assert found == self.model

    def _stored(self, name: str) -> Certificate:
        return self.run(self.store.get(Certificate, Key(self.namespace, name)))

    def _note_version(self, known: Expected, made: Certificate, *, changed: bool) -> None:
        assert (made.metadata.resource_version != known.version) == changed
        known.version = made.metadata.resource_version

    async def _replayed_history_is_the_present(self) -> None:
        listing = await self.store.list(Certificate, namespace=self.namespace)
        present = {item.metadata.name: item for item in listing.items}
        marker = Key(f"{self.namespace}-end", "marker")
        await self.store.create(a_certificate(marker), manager="first")
        replayed: dict[str, Certificate] = {}
        async for event in self.store.watch(Certificate, since=self.start):
            if event.change is Change.BOOKMARK or event.resource is None:
                continue
            if event.resource.key == marker:
                break
            if event.resource.metadata.namespace != self.namespace:
                continue
            name = event.resource.metadata.name
            if event.change is Change.DELETED:
                del replayed[name]
            else:
                assert (name in replayed) == (event.change is Change.MODIFIED)
                replayed[name] = event.resource
        assert replayed == present
        await self.store.delete(Certificate, marker)


def test_a_store_is_a_dictionary_with_versions(opener: Opener) -> None:
    machine = type("Machine", (Dictionary,), {"opener": staticmethod(opener)})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
