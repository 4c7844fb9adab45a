"""The one thread that writes the file, and the group commit.

Called by `store`. What one turn of the event loop asks for is done together: first the reads, then
every write in a savepoint of its own, then one COMMIT, and only then are the answers given. While
a commit waits for the disk the next group gathers, so load makes groups larger, not slower.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Struct

from certwright.store.protocol import StoreProblem, Unavailable
from certwright.store.sqlite.connection import Committer, PlainCommitter, unavailable
from certwright.store.sqlite.place import UNAVAILABLE
from certwright.store.sqlite.records import Changed, Records

T = TypeVar("T")
_MAX_GROUP: Final = 1000


def one_thread() -> Executor:
    """Return a thread of the store's own."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="certwright-store")


class Tuning(Struct, frozen=True):
    """What a test or a proof sets otherwise.

    Attributes:
        committer: where a transaction becomes true.
        history: how many changes a watch may look back.
        max_pages: limit of the file's size in pages; 0 for none.
        thread: makes what the file is worked on by, one job after the other.
        look_every: span between looks at what other processes wrote.
    """

    committer: Committer = PlainCommitter()
    history: int = 10_000
    max_pages: int = 0
    thread: Callable[[], Executor] = one_thread
    look_every: timedelta = timedelta(seconds=1)


class News(Struct, frozen=True):
    """What a group brought for the watchers.

    Attributes:
        changes: committed since the last news, ours and other processes', in order.
        version: how far they reach.
        compacted: changes up to here are lost to whoever has not seen them.
    """

    changes: tuple[Changed, ...]
    version: int
    compacted: int


class Job(Struct, eq=False):
    """One request: what to do, who waits, and what came of it."""

    work: Callable[[Records], Any]
    waiter: "asyncio.Future[Any]"
    writes: bool
    result: Any = None
    error: BaseException | None = None


class Worker:
    """Runs jobs on the store's thread; methods are called on the event loop unless they say so."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        path: str,
        tuning: Tuning,
        announce: Callable[[News], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._committer = tuning.committer
        self._history = tuning.history
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._thread = tuning.thread()
        self._pending: list[Job] = []
        self._running = False  # a group is on the thread
        self._alone = 0  # other work is on the thread
        self._scheduled = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        # How far the watchers have been told.
        self._told: int = connection.execute("SELECT version FROM counter").fetchone()[0]

    async def read(self, work: Callable[[Records], T]) -> T:
        """Run `work` in a snapshot.

        Raises:
            Unavailable: the file cannot be read.
        """
        return await self._ask(work, writes=False)

    async def peek(self, work: Callable[[Records], T]) -> T:
        """Run a small read at once where the thread is idle: no hop there and back.

        Nobody else touches the connection meanwhile, as only the event loop gives the thread work.

        Raises:
            Unavailable: the file cannot be read.
        """
        if self._running or self._alone or self._closed:
            return await self.read(work)
        job = Job(work=work, waiter=self._loop.create_future(), writes=False)
        news = self._read_group([job])
        if news is not None:
            self._announce(news)
        if job.error is not None:
            raise job.error
        return cast("T", job.result)

    async def write(self, work: Callable[[Records], T]) -> T:
        """Run `work` in the next group's transaction; returns once it is on the disk.

        Raises:
            Unavailable: nothing of it was written.
        """
        return await self._ask(work, writes=True)

    async def look(self) -> None:
        """Announce what other processes committed; costs one small read where there is nothing."""
        await self.peek(self._nothing)

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        self._closed = True
        await self._idle.wait()
        await self._loop.run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=True)

    async def on_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` alone on the thread, outside any transaction (backup, upkeep)."""
        self._alone += 1
        done = self._thread.submit(work, self._connection)
        # When the thread is through, not when the caller stops waiting.
        done.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._free))
        try:
            return await asyncio.wrap_future(done)
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error

    def _free(self) -> None:
        self._alone -= 1

    @staticmethod
    def _nothing(_records: Records) -> None:
        return None

    async def _ask(self, work: Callable[[Records], T], *, writes: bool) -> T:
        if self._closed:
            raise Unavailable(UNAVAILABLE, f"the store {self._path} is closed")
        job = Job(work=work, waiter=self._loop.create_future(), writes=writes)
        self._pending.append(job)
        self._idle.clear()
        if not self._running and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)  # the rest of this turn joins the group
        return cast("T", await job.waiter)

    def _start(self) -> None:
        self._scheduled = False
        group = [job for job in self._pending[:_MAX_GROUP] if not job.waiter.cancelled()]
        del self._pending[:_MAX_GROUP]
        if not group:
            self._next()
            return
        self._running = True
        self._thread.submit(self._run, group).add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._deliver, group, done)
        )

    def _deliver(self, group: list[Job], done: "Future[News | None]") -> None:
        self._running = False
        failure = done.exception()
        news = None if failure else done.result()
        if news is not None:
            self._announce(news)
        for job in group:
            error = failure or job.error
            if job.waiter.done():
                continue
            if error is None:
                job.waiter.set_result(job.result)
            else:
                job.waiter.set_exception(error)
        self._next()

    def _next(self) -> None:
        if self._pending:
            self._start()
        else:
            self._idle.set()

    def _run(self, group: list[Job]) -> News | None:
        """Do one group (on the thread)."""
        reads = [job for job in group if not job.writes]
        writes = [job for job in group if job.writes]
        news = self._read_group(reads) if reads else None
        if not writes:
            return news
        written = self._write_group(writes)
        if news is None or written is None:
            return written or news
        changes = (*news.changes, *written.changes)
        return News(changes=changes, version=written.version, compacted=news.compacted)

    def _read_group(self, jobs: list[Job]) -> News | None:
        told = self._told
        try:
            self._connection.execute("BEGIN")
            try:
                records = Records(self._connection)
                for job in jobs:
                    self._do(job, records)
                return self._foreign(records)
            finally:
                self._connection.execute("COMMIT")
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            self._told = told
            self._fail(jobs, error)
            return None

    def _write_group(self, jobs: list[Job]) -> News | None:
        connection, told = self._connection, self._told
        try:
            connection.execute("BEGIN IMMEDIATE")
            records = Records(connection)
            foreign = self._foreign(records)
            for job in jobs:
                self._do_saved(job, records)
            records.finish(self._history)
            self._committer.commit(connection)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            self._roll_back()
            self._told = told  # what others wrote is told with the next group
            self._fail(jobs, error)
            return None
        except BaseException:
            self._roll_back()
            self._told = told
            raise
        self._told = records.version
        own = tuple(records.changes)
        if foreign is None:
            return News(changes=own, version=records.version, compacted=0) if own else None
        changes = (*foreign.changes, *own)
        return News(changes=changes, version=records.version, compacted=foreign.compacted)

    def _foreign(self, records: Records) -> News | None:
        """Read what other processes committed since the last news (inside a transaction)."""
        if records.version == self._told:
            return None
        changes = tuple(records.changes_since(self._told))
        compacted = records.compacted if records.compacted > self._told else 0
        self._told = records.version
        return News(changes=changes, version=records.version, compacted=compacted)

    def _do_saved(self, job: Job, records: Records) -> None:
        version = records.version
        self._connection.execute("SAVEPOINT job")
        self._do(job, records)
        if job.error is not None:
            self._connection.execute("ROLLBACK TO job")
            records.rewind(version)
        self._connection.execute("RELEASE job")

    def _do(self, job: Job, records: Records) -> None:
        try:
            job.result = job.work(records)
        except (sqlite3.Error, msgspec.MsgspecError):
            raise  # the file failed, not the request: the whole group is undone
        except StoreProblem as error:
            job.error = error
        except Exception as error:  # noqa: BLE001  # a bug is its caller's alone
            job.error = error

    def _roll_back(self) -> None:
        # SQLite itself has rolled back where the disk was full or failed.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _fail(self, jobs: list[Job], error: Exception) -> None:
        for job in jobs:
            if isinstance(error, sqlite3.Error):
                problem = unavailable(self._path, error)
            else:
                problem = Unavailable(UNAVAILABLE, f"state file {self._path} is damaged: {error}")
            problem.__cause__ = error
            job.result, job.error = None, problem
