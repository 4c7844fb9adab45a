"""Accounts: what is sent about one, and what comes back (RFC 8555 §7.1.2, §7.3)."""

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An account as the CA sees it.

    `url` is its identity; `created` says whether this very request made it. Some CAs (RFC 8555
    leaves it open) send neither contact nor orders.
    """

    status: str = ""
    contact: tuple[str, ...] = ()
    terms_of_service_agreed: bool = False
    orders: str = ""
    url: str = msgspec.field(name="certwright:url", default="")
    created: bool = msgspec.field(name="certwright:created", default=False)


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The payload of newAccount."""

    contact: tuple[str, ...] = ()
    terms_of_service_agreed: bool = False
    only_return_existing: bool = False
    external_account_binding: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a change of contact; an empty list removes all (RFC 8555 §7.3.2)."""

    contact: tuple[str, ...]


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the new key signs in a key rollover (RFC 8555 §7.3.5)."""

    account: str
    old_key: dict[str, str]


class Deactivation(msgspec.Struct, frozen=True, kw_only=True):
    """The payload that ends an account or an authorization (RFC 8555 §7.3.6, §7.5.2)."""

    status: str = "deactivated"


class OrdersList(msgspec.Struct, frozen=True):
    """One page of an account's orders (RFC 8555 §7.1.2.1)."""

    orders: tuple[str, ...] = ()
