"""One file per DNS provider, and the one list of them."""

from collections.abc import Mapping

from certwright.solvers.provider import Build
from certwright.solvers.providers import cloudflare, rfc2136

PROVIDERS: Mapping[str, Build] = {
    "cloudflare": cloudflare.build,
    "rfc2136": rfc2136.build,
}
"""By the wire name of the field in `dns01` that configures it (compat-spec 6.9)."""
