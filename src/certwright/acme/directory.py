"""The directory: a CA's list of its URLs, and what it says about itself (RFC 8555 §7.1.1)."""

from collections.abc import Mapping

import msgspec


class Meta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a CA says about itself; all of it is optional."""

    terms_of_service: str = ""
    website: str = ""
    caa_identities: tuple[str, ...] = ()
    external_account_required: bool = False
    profiles: Mapping[str, str] = {}


class Directory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A CA's URLs; an optional one that it does not have is empty."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str = ""
    key_change: str = ""
    new_authz: str = ""
    renewal_info: str = ""
    meta: Meta = Meta()
