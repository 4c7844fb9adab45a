"""One actor at a time: whoever holds the lease `cert-manager-controller`, be it cert-manager's own.

    acquire ──free, or silent for its whole duration──▶ keep ──▶ release
       │                                                  │
       └── held by somebody else than a certwright ▶ stop └── not renewed in time ▶ stop

Time is counted from before each write was sent, by the monotonic clock (which the wall clock's
steps cannot fool) and by the wall clock (which goes on while the machine sleeps). Whoever wants to
touch the outside asks `check` first. The name, the identity and the times are cert-manager's
(compat-spec 7.1, 9.5), so neither works while the other does.
"""

import asyncio
from datetime import timedelta
from secrets import token_hex

import structlog
from msgspec import Struct

from certwright.api.kinds import Document
from certwright.api.lease import Lease, LeaseSpec, micro_time, parse_micro_time
from certwright.api.meta import Key, ObjectMeta
from certwright.base.clock import Clock
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.store.protocol import AlreadyExists, Conflict, NotFound, Store, StoreProblem

NAME = "cert-manager-controller"
HOLDER = "certwright.io/holder"
"""Annotation by which one certwright knows another: the identity, and a word of its own."""
SERVES = "certwright.io/serves"
"""Annotation with the one namespace that a certwright works on; missing where it is all."""
_MANAGER = "certwright-leader"

log = structlog.get_logger(__name__)


class LeaseLost(Stalled):
    """Somebody else may be working by now: nothing more may be done."""


class Election(Struct, frozen=True, kw_only=True):
    """How the leader is chosen; the defaults are cert-manager's.

    `serves` is the one namespace that is worked on; empty for all.
    """

    identity: str
    namespace: str = "kube-system"
    serves: str = ""
    lease_duration: timedelta = timedelta(seconds=60)
    renew_deadline: timedelta = timedelta(seconds=40)
    retry_period: timedelta = timedelta(seconds=15)

    @property
    def key(self) -> Key:
        """Where the lease is."""
        return Key(self.namespace, NAME)


class Lead:
    """The right to act, while it lasts."""

    def __init__(self, store: Store, clock: Clock, election: Election) -> None:
        self._store = store
        self._clock = clock
        self._election = election
        self._mark = f"{election.identity} {token_hex(4)}"
        self._lease: Lease | None = None
        self._renewed: tuple[float, float] | None = None  # monotonic, wall
        self._observed: tuple[str, float] = ("", 0.0)

    @property
    def leads(self) -> bool:
        """Whether this process may act now."""
        if self._renewed is None:
            return False
        limit = self._election.renew_deadline.total_seconds()
        spans = zip(self._now(), self._renewed, strict=True)
        return all(now - then < limit for now, then in spans)

    @property
    def silent_for(self) -> timedelta | None:
        """Since the last renewal; None where this process holds no lease."""
        if self._renewed is None:
            return None
        return timedelta(seconds=self._now()[0] - self._renewed[0])

    def check(self) -> None:
        """Let an effect on the outside happen.

        Raises:
            LeaseLost: this process does not lead, or cannot know any more that it does.
        """
        if not self.leads:
            raise LeaseLost(
                Reason.NOT_LEADING,
                f"the lease {self._election.key} was not renewed in time: somebody else may work"
                " by now",
            )

    async def acquire(self) -> None:
        """Wait until this process leads.

        Raises:
            Stalled: somebody who is no certwright holds the lease, here or in another namespace.
        """
        await self._refuse_others_elsewhere()
        told = False
        while not await self._try():
            if not told:
                log.info("standing by", lease=str(self._election.key), holder=self._holder())
                told = True
            await self._clock.sleep(self._election.retry_period)
        log.info("leading", lease=str(self._election.key), identity=self._election.identity)

    async def keep(self) -> None:
        """Renew the lease until cancelled.

        Raises:
            LeaseLost: somebody else has it, or it could not be renewed in time.
        """
        while True:
            await self._clock.sleep(self._election.retry_period)
            self.check()
            try:
                async with asyncio.timeout(self._election.retry_period.total_seconds()):
                    await self._renew()
            except Conflict:
                await self._look_again()
            except TimeoutError:
                log.warning("the lease was not renewed", problem="no answer in time")
            except NotFound:
                self._lose()
            except StoreProblem as problem:
                log.warning("the lease was not renewed", problem=problem.message)

    async def release(self) -> None:
        """Let the next one lead at once; what cannot be written runs out by itself."""
        lease, was_leading = self._lease, self.leads
        self._renewed = None
        if lease is None or not was_leading:
            return
        patch = {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
        try:
            await self._patch(lease, patch)
        except StoreProblem as problem:
            log.warning("the lease was not released", problem=problem.message)

    # One try: free, mine to take, or somebody's.

    async def _try(self) -> bool:
        began = self._now()
        try:
            lease = await self._store.get(Lease, self._election.key)
        except NotFound:
            return await self._create(began)
        except StoreProblem as problem:
            log.warning("the lease cannot be read", problem=problem.message)
            return False
        if self._is_held(lease):
            self._lease = lease
            return False
        await self._refuse_others_elsewhere()
        spec = self._spec(lease)
        try:
            patch = {"spec": spec, "metadata": {"annotations": self._marks()}}
            return self._leads_by(await self._patch(lease, patch), began)
        except (Conflict, NotFound):
            return False

    def _is_held(self, lease: Lease) -> bool:
        """Whether somebody holds it: told by its silence, not by his clock or ours."""
        if not lease.spec.holder_identity:
            return False
        if not _is_certwrights(lease) and self._is_live(lease):
            raise _held(lease)
        version, now = lease.metadata.resource_version, self._clock.monotonic()
        if version != self._observed[0]:
            self._observed = (version, now)
        duration = timedelta(seconds=lease.spec.lease_duration_seconds or 0)
        longest = max(duration, self._election.lease_duration).total_seconds()
        return now - self._observed[1] < longest

    async def _create(self, began: tuple[float, float]) -> bool:
        metadata = ObjectMeta(
            namespace=self._election.namespace, name=NAME, annotations=self._marks()
        )
        fields = self._spec(Lease(metadata=metadata))
        wanted = LeaseSpec(
            holder_identity=fields["holderIdentity"],
            lease_duration_seconds=fields["leaseDurationSeconds"],
            acquire_time=fields["acquireTime"],
            renew_time=fields["renewTime"],
            lease_transitions=0,
        )
        try:
            created = await self._store.create(
                Lease(metadata=metadata, spec=wanted), manager=_MANAGER
            )
        except AlreadyExists:
            return False
        except StoreProblem as problem:
            log.warning("the lease cannot be created", problem=problem.message)
            return False
        return self._leads_by(created, began)

    async def _renew(self) -> None:
        if self._lease is None:
            self._lose()
            return
        began = self._now()
        renewed = {"spec": {"renewTime": micro_time(self._clock.now())}}
        self._leads_by(await self._patch(self._lease, renewed), began)

    async def _look_again(self) -> None:
        """After a conflict: still ours (somebody labelled it), or taken."""
        lease = await self._store.get(Lease, self._election.key)
        if lease.metadata.annotations.get(HOLDER) != self._mark or (
            lease.spec.holder_identity != self._election.identity
        ):
            self._lose()
        self._lease = lease

    def _lose(self) -> None:
        self._renewed = None
        self.check()

    async def _refuse_others_elsewhere(self) -> None:
        try:
            leases = (await self._store.list(Lease)).items
        except StoreProblem as problem:
            log.warning("leases of other namespaces cannot be seen", problem=problem.message)
            return
        for lease in leases:
            elsewhere = lease.metadata.namespace != self._election.namespace
            if lease.metadata.name != NAME or not elsewhere or self._is_beside(lease):
                continue
            if self._is_live(lease):
                raise _held(lease)

    def _is_beside(self, lease: Lease) -> bool:
        """Whether its holder is a certwright that works on another namespace than ours."""
        theirs = lease.metadata.annotations.get(SERVES, "")
        ours = self._election.serves
        return _is_certwrights(lease) and bool(theirs and ours) and theirs != ours

    def _is_live(self, lease: Lease) -> bool:
        renewed = parse_micro_time(lease.spec.renew_time)
        if not lease.spec.holder_identity or renewed is None:
            return False
        duration = timedelta(seconds=lease.spec.lease_duration_seconds or 0)
        return renewed + duration > self._clock.now()

    def _leads_by(self, lease: Lease, began: tuple[float, float]) -> bool:
        self._lease, self._renewed = lease, began
        return True

    async def _patch(self, lease: Lease, patch: Document) -> Lease:
        version = lease.metadata.resource_version
        return await self._store.patch(Lease, lease.key, patch, manager=_MANAGER, version=version)

    def _spec(self, lease: Lease) -> Document:
        now = micro_time(self._clock.now())
        return {
            "holderIdentity": self._election.identity,
            "leaseDurationSeconds": max(1, int(self._election.lease_duration.total_seconds())),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": (lease.spec.lease_transitions or 0) + 1,
        }

    def _marks(self) -> dict[str, str]:
        serves = {SERVES: self._election.serves} if self._election.serves else {}
        return {HOLDER: self._mark, **serves}

    def _holder(self) -> str:
        return (self._lease.spec.holder_identity or "") if self._lease is not None else ""

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.now().timestamp()


def _is_certwrights(lease: Lease) -> bool:
    identity = lease.spec.holder_identity or ""
    return lease.metadata.annotations.get(HOLDER, "").rpartition(" ")[0] == identity


def _held(lease: Lease) -> Stalled:
    holder = printable(lease.spec.holder_identity or "", 200)
    return Stalled(
        Reason.LOCKED,
        f"{holder} holds the lease {lease.key} (renewed at {lease.spec.renew_time}): two"
        " controllers must not work on the same objects",
        remedy="Stop the other one first, such as with `kubectl scale deployment cert-manager"
        f" --replicas=0 -n NAMESPACE`; its lease is in {lease.metadata.namespace}.",
    )
