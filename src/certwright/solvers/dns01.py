"""DNS-01 (RFC 8555 §8.4): a TXT record by some provider, and the evidence that all can see it.

`build_solver` makes a solver out of an issuer's words; the provider does the writing, `dns` the
looking. With cnameStrategy Follow records are written where the aliases of the name lead.
"""

import msgspec

from certwright.api.meta import SecretKeySelector
from certwright.api.solver import DNS01, CNAMEStrategy
from certwright.base.clock import Clock
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.dns import propagation
from certwright.dns.lookup import Resolver
from certwright.dns.problem import BadSettings
from certwright.dns.server import BadServer
from certwright.net.http import Http
from certwright.solvers.protocol import Presentation
from certwright.solvers.provider import Credentials, Provider, Surroundings
from certwright.solvers.providers import PROVIDERS

_NOT_PROVIDERS = frozenset({"cnameStrategy", "nameservers"})


class Dns01Solver:
    """Presents by a provider and checks by asking name servers; keeps nothing between calls."""

    def __init__(self, provider: Provider, resolver: Resolver, *, follow: bool = False) -> None:
        self._provider = provider
        self._resolver = resolver
        self._follow = follow

    async def present(self, presentation: Presentation) -> None:
        """Add the TXT value; see `Solver.present`."""
        await self._provider.add_txt(await self._target(presentation), presentation.value)

    async def check(self, presentation: Presentation) -> propagation.Report:
        """Ask every server of the zone; aliases are followed whatever the strategy."""
        return await propagation.check(self._resolver, presentation.fqdn, presentation.value)

    async def clean_up(self, presentation: Presentation) -> None:
        """Remove the TXT value and no other; see `Solver.clean_up`."""
        await self._provider.remove_txt(await self._target(presentation), presentation.value)

    async def _target(self, presentation: Presentation) -> str:
        if not self._follow:
            return presentation.fqdn
        return (await self._resolver.follow_cname(presentation.fqdn))[-1]


def build_solver(
    config: DNS01, credentials: Credentials, *, resolver: Resolver, http: Http, clock: Clock
) -> Dns01Solver:
    """Make the solver that an issuer describes.

    Args:
        config: the issuer's `dns01`.
        credentials: values of the Secrets that `secret_refs(config)` names, under the same keys.
        resolver: by the resolvers in force; the solver's own `nameservers` take precedence.
        http: for providers with an HTTP API.
        clock: for "not before" of a provider that asks for fewer requests.

    Raises:
        Stalled: no provider, several, one that is not served yet, or settings that cannot be used.
    """
    name = provider_name(config)
    build = PROVIDERS.get(name)
    if build is None:
        raise Stalled(Reason.NOT_SERVED, f"the DNS01 provider {name} is not served yet")
    if config.nameservers:
        try:
            resolver = resolver.with_nameservers(config.nameservers)
        except BadServer as error:
            raise BadSettings(f"dns01.nameservers: {error}") from error
    provider = build(config, credentials, Surroundings(resolver, http, clock))
    follow = config.cname_strategy is CNAMEStrategy.FOLLOW
    return Dns01Solver(provider, resolver, follow=follow)


def provider_name(config: DNS01) -> str:
    """Wire name of the one provider that is configured.

    Raises:
        Stalled: there is none, or more than one (the words of compat-spec 6.9).
    """
    names = tuple(_configured(config))
    if not names:
        raise Stalled(Reason.INVALID_SOLVER, "no DNS01 provider configured")
    if len(names) > 1:
        raise Stalled(Reason.INVALID_SOLVER, "may not specify more than one provider type")
    return names[0]


def secret_refs(config: DNS01) -> dict[str, SecretKeySelector]:
    """Which values of Secrets the provider needs, by the wire name of the field.

    Raises:
        Stalled: as in `provider_name`.
    """
    provider = _configured(config)[provider_name(config)]
    return {
        field.encode_name: value
        for field in msgspec.structs.fields(type(provider))
        if isinstance(value := getattr(provider, field.name), SecretKeySelector)
    }


def _configured(config: DNS01) -> dict[str, msgspec.Struct]:
    return {
        field.encode_name: value
        for field in msgspec.structs.fields(DNS01)
        if field.encode_name not in _NOT_PROVIDERS
        and isinstance(value := getattr(config, field.name), msgspec.Struct)
    }
