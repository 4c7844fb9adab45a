"""A large folder: one edited file costs one parse and one write; times are printed."""

import time
from pathlib import Path

from certwright.api.certificate import Certificate
from certwright.api.kinds import Document
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.base.clock import SystemClock
from certwright.files.directory import Directory
from certwright.files.folder import Folder
from certwright.store.sqlite.store import SqliteStore
from tests.e2e.run.home import CERTIFICATE
from tests.fakes.store import RecordingStore
from tests.load.crowd import tell

FILES = 500


class CountingRules(Rules):
    """Counts the documents that are parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.parsed = 0

    def tidied(self, document: Document) -> Document:
        self.parsed += 1
        return super().tidied(document)


def write(folder: Path, number: int, *names: str) -> None:
    text = CERTIFICATE % {"name": f"site-{number}", "names": ", ".join(names)}
    path = folder / f"site-{number}.yaml"
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)


async def test_one_edited_file_among_many_is_one_parse_and_one_write(tmp_path: Path) -> None:
    for number in range(FILES):
        write(tmp_path, number, f"site-{number}.example.com")
    rules, clock = CountingRules(), SystemClock()
    async with SqliteStore.open(":memory:", clock=clock, admission=rules) as inner:
        store = RecordingStore(inner)
        directory = Directory(Folder(tmp_path, rules), store, clock, manager="test")
        first = await directory.sync()
        parsed_at_first, written_at_first = rules.parsed, len(store.writes)
        write(tmp_path, 7, "site-7.example.com", "www.site-7.example.com")

        began = time.perf_counter()
        second = await directory.sync()
        took = time.perf_counter() - began

        changed = await inner.get(Certificate, Key("default", "site-7"))
    tell(f"{FILES} files, one edited: {took * 1000:.0f} ms")
    assert (len(first.apply), parsed_at_first, written_at_first) == (FILES, FILES, FILES)
    assert [located.key.name for _, located in second.apply] == ["site-7"]
    assert rules.parsed - parsed_at_first == 1
    assert len(store.writes) - written_at_first == 1
    assert changed.spec.dns_names == ("site-7.example.com", "www.site-7.example.com")
