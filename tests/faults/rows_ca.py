"""Faults at the CA, on the way to it, and in the account that one has there."""

from datetime import timedelta
from typing import Any

from certwright.api.core import Secret
from certwright.api.issuer import ExternalAccountBinding
from certwright.api.meta import ObjectMeta, SecretKeySelector
from certwright.pki.certificate import Template, sign_certificate
from certwright.pki.csr import Names, Request, build_csr
from certwright.pki.keys import Algorithm, generate_key
from tests.fakes.acme_server import ERROR, ORIGIN
from tests.faults.ca import Refusal, another_pair
from tests.faults.row import Act, Ends, Prepare, Row
from tests.faults.rows_dns import CHALLENGE, fresh, stale
from tests.faults.stage import Stage

ORDER = r"Order default/web-1-\d+"
REQUEST = "CertificateRequest default/web-1"
ISSUER = "ClusterIssuer acme"
MAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
OTHER_MAC = "AAAAZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def verdict(word: str, detail: str) -> Act:
    async def strike(stage: Stage) -> None:
        stage.ca.verdict = (word, detail)

    return strike


async def well(stage: Stage) -> None:
    stage.ca.verdict = None
    stage.ca.refusals.clear()
    stage.ca.moods.away = False
    stage.ca.moods.failing = 0
    stage.ca.moods.bad_nonces = 0
    stage.ca.moods.limited_until = None
    stage.ca.moods.blocked = frozenset()
    stage.ca.moods.wrong = False
    stage.ca.page = b""
    stage.ca.foreign = b""
    stage.ca.order_error = None


def refuses(place: str, word: str, detail: str, status: int = 403, **headers: str) -> Act:
    async def strike(stage: Stage) -> None:
        stage.ca.refusals[place] = Refusal(word, detail, status, **headers)

    return strike


def refuses_first(place: str, word: str, detail: str, status: int = 403) -> Prepare:
    def prepare(stage: Stage) -> None:
        stage.ca.refusals[place] = Refusal(word, detail, status)

    return prepare


def mood(**fields: Any) -> Act:
    async def strike(stage: Stage) -> None:
        for name, value in fields.items():
            setattr(stage.ca.moods, name, value)

    return strike


def mood_first(**fields: Any) -> Prepare:
    def prepare(stage: Stage) -> None:
        for name, value in fields.items():
            setattr(stage.ca.moods, name, value)

    return prepare


async def limited(stage: Stage) -> None:
    stage.ca.moods.limited_until = stage.world.clock.now() + timedelta(minutes=20)


async def limit_over(stage: Stage) -> None:
    """The CA's own moment comes."""
    await stage.world.clock.sleep(timedelta(minutes=20))


def binding(mac: str) -> Prepare:
    def prepare(stage: Stage) -> None:
        stage.ca.offer.external_accounts = {"kid-1": MAC}
        if mac:
            stage.with_acme(
                external_account_binding=ExternalAccountBinding(
                    key_id="kid-1", key_secret_ref=SecretKeySelector(name="eab", key="hmac")
                )
            )
        if mac and mac != "absent":
            stage.resources["eab"] = Secret(
                metadata=ObjectMeta(namespace="kube-system", name="eab"),
                data={"hmac": mac.encode()},
            )

    return prepare


async def right_mac(stage: Stage) -> None:
    await stage.put_secret("eab", hmac=MAC.encode())


async def bind(stage: Stage) -> None:
    await stage.put_secret("eab", hmac=MAC.encode())
    await stage.edit_acme(
        externalAccountBinding={"keyID": "kid-1", "keySecretRef": {"name": "eab", "key": "hmac"}}
    )


async def deactivated(stage: Stage) -> None:
    stage.ca.deactivate_accounts()


async def new_account(stage: Stage) -> None:
    await stage.delete(Secret, "account")


async def forgotten(stage: Stage) -> None:
    stage.ca.forget_accounts()


async def expired_order(stage: Stage) -> None:
    await stage.world.clock.sleep(timedelta(seconds=3))
    stage.ca.expire_orders()
    await fresh(stage)


async def order_error(stage: Stage) -> None:
    stage.ca.order_error = {
        "type": ERROR + "caa",
        "detail": "CAA record of example.test prevents issuance",
        "status": 403,
    }


def profile(stage: Stage) -> None:
    stage.with_acme(profile="tlsclient")


async def no_profile(stage: Stage) -> None:
    await stage.edit_acme(profile=None)


async def foreign_key(stage: Stage) -> None:
    key, pair = generate_key(Algorithm.ECDSA), another_pair()
    csr = build_csr(Request(names=Names(dns=("www.example.test",))), key)
    template = Template(csr=csr, not_before=stage.world.clock.now(), duration=timedelta(days=9))
    stage.ca.foreign = sign_certificate(template, issuer=pair) + pair.certificate


async def garbage(stage: Stage) -> None:
    stage.ca.foreign = b"<html>sorry</html>"


def portal(stage: Stage) -> None:
    stage.ca.page = b"<html>Log in to this network</html>"


def wrong_directory(stage: Stage) -> None:
    stage.with_acme(server=f"{ORIGIN}/directori")


async def right_directory(stage: Stage) -> None:
    await stage.edit_acme(server=f"{ORIGIN}/directory")


def clock_shift(span: timedelta) -> Act:
    async def strike(stage: Stage) -> None:
        stage.ca.shift = span

    return strike


ROWS = (
    Row(
        name="caa",
        fault="CAA records forbid the CA to sign",
        strike=verdict("caa", "CAA record for www.example.test prevents issuance"),
        mend=well,
        culprit=CHALLENGE,
        reason="Failed",
        says="CAA record",
        remedy="CAA records of www.example.test",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="ca-sees-no-zone",
        fault="The CA cannot look the name up",
        strike=verdict("dns", "SERVFAIL looking up TXT for _acme-challenge.www.example.test"),
        mend=well,
        culprit=CHALLENGE,
        reason="Failed",
        says="SERVFAIL",
        remedy="public name servers",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="split-horizon",
        fault="The CA sees other name servers than this machine",
        strike=mood(wrong=True),
        mend=well,
        culprit=CHALLENGE,
        reason="Failed",
        says="no TXT record",
        remedy="proof reaches the world",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="rate-limit",
        fault="The CA takes no more orders for now (429 with Retry-After)",
        strike=limited,
        mend=limit_over,
        culprit=ORDER,
        reason="RateLimited",
        says="too many orders",
        remedy="Wait",
        next=True,
    ),
    Row(
        name="rate-limit-without-time",
        fault="The CA takes no more orders and names no time (429)",
        strike=refuses("new-order", "rateLimited", "too many orders", 429),
        mend=well,
        culprit=ORDER,
        reason="RateLimited",
        says="too many orders",
        remedy="Wait",
        next=True,
        ends=Ends.NEXT,
    ),
    Row(
        name="eab-missing",
        fault="The CA wants an external account, and the issuer names none",
        prepare=binding(""),
        mend=bind,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="external account",
        remedy="external account binding",
    ),
    Row(
        name="eab-secret-missing",
        fault="The Secret of the external account is not there",
        prepare=binding("absent"),
        mend=right_mac,
        culprit="Secret kube-system/eab",
        reason="ErrRegisterACMEAccount",
        says="no data for key",
        remedy="kube-system/eab",
    ),
    Row(
        name="eab-malformed",
        fault="The key of the external account is not base64url",
        prepare=binding("not base64!"),
        mend=right_mac,
        culprit="Secret kube-system/eab",
        reason="ErrRegisterACMEAccount",
        says="external account binding key",
        remedy="kube-system/eab",
    ),
    Row(
        name="eab-refused",
        fault="The CA does not know the external account's key",
        prepare=binding(OTHER_MAC),
        mend=right_mac,
        culprit="Secret kube-system/eab",
        reason="ErrRegisterACMEAccount",
        says="signature",
        remedy="kube-system/eab",
    ),
    Row(
        name="account-deactivated",
        fault="The account was deactivated at the CA",
        strike=deactivated,
        mend=new_account,
        culprit=ISSUER,
        reason="Refused",
        says="deactivated",
        remedy="delete Secret kube-system/account",
        next=True,
    ),
    Row(
        name="account-forgotten",
        fault="The CA does not know the account any more",
        strike=forgotten,
        mend=new_account,
        culprit=ISSUER,
        reason="Refused",
        says="no such account",
        remedy="Delete Secret kube-system/account",
        next=True,
    ),
    Row(
        name="terms-changed",
        fault="The CA wants its new terms to be agreed to",
        strike=refuses(
            "new-order",
            "userActionRequired",
            "Terms of service have changed: see https://ca.example/terms/v2",
        ),
        mend=well,
        culprit=ISSUER,
        reason="Refused",
        says="terms/v2",
        remedy="CA's instructions",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="contact-refused",
        fault="The CA refuses the account's contact",
        prepare=refuses_first(
            "new-account",
            "invalidContact",
            "ops@example.com is on a list of forbidden domains",
            400,
        ),
        mend=well,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="forbidden domains",
        remedy="spec.acme.email",
        ends=Ends.ASK,
    ),
    Row(
        name="order-expired",
        fault="The order expired before it was proven",
        strike=stale,
        during=expired_order,
        mend=well,
        culprit=ORDER,
        reason="OrderFailed",
        says="expired",
        remedy="",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="order-invalid",
        fault="The CA gives up an order that was proven",
        strike=order_error,
        mend=well,
        culprit=ORDER,
        reason="OrderFailed",
        says="CAA record",
        remedy="CAA records",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="bad-csr",
        fault="The CA does not take the CSR",
        strike=refuses("finalize", "badCSR", "RSA keys are not accepted", 400),
        mend=well,
        culprit=ORDER,
        reason="Refused",
        says="RSA keys",
        remedy="names, key and usages",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="name-refused",
        fault="The CA does not sign for the name",
        strike=mood(blocked=frozenset({"www.example.test"})),
        mend=well,
        culprit=ORDER,
        reason="Refused",
        says="www.example.test is blocked",
        remedy="www.example.test",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="profile",
        fault="The issuer asks for a profile that the CA does not offer",
        prepare=profile,
        mend=no_profile,
        culprit=ORDER,
        reason="InvalidOrder",
        says="tlsclient.*default",
        remedy="profile that the CA offers",
        next=True,
    ),
    Row(
        name="ca-away",
        fault="The CA does not answer, from the beginning",
        prepare=mood_first(away=True),
        mend=well,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="nobody answers",
        remedy="reaches https://ca.example/directory",
        next=True,
    ),
    Row(
        name="ca-goes-away",
        fault="The CA does not answer any more",
        strike=mood(away=True),
        mend=well,
        culprit=ORDER,
        reason="ConnectionFailed",
        says="nobody answers",
        remedy="reaches https://ca.example/directory",
        next=True,
    ),
    Row(
        name="ca-500",
        fault="The CA answers with errors of its own (500)",
        strike=mood(failing=1.0),
        mend=well,
        culprit=ORDER,
        reason="ServerError",
        says="try again",
        remedy="status page",
        next=True,
    ),
    Row(
        name="ca-500-at-first",
        fault="The CA answers with errors of its own, from the beginning",
        prepare=mood_first(failing=1.0),
        mend=well,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="try again",
        remedy="tried again",
        next=True,
    ),
    Row(
        name="bad-nonce",
        fault="The CA refuses every nonce",
        strike=mood(bad_nonces=1.0),
        mend=well,
        culprit=ORDER,
        reason="ServerError",
        says="nonce",
        remedy="tried again",
        next=True,
    ),
    Row(
        name="wrong-key",
        fault="The CA hands out a certificate of another key",
        strike=foreign_key,
        mend=well,
        culprit=ISSUER,
        reason="InvalidCertificate",
        says="does not match the CSR",
        remedy="issuer's CA certificate",
        next=True,
        ends=Ends.RENEW,
    ),
    Row(
        name="no-certificate",
        fault="The CA hands out something that is no certificate",
        strike=garbage,
        mend=well,
        culprit=ORDER,
        reason="ServerError",
        says="not a plain PEM chain",
        remedy="tried again",
        next=True,
    ),
    Row(
        name="captive-portal",
        fault="A web page answers in place of the CA",
        prepare=portal,
        mend=well,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="JSON is malformed",
        remedy="server's URL",
        next=True,
    ),
    Row(
        name="directory-404",
        fault="The issuer's server is no ACME directory",
        prepare=wrong_directory,
        mend=right_directory,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="cannot be used",
        remedy="server's URL",
        next=True,
    ),
    Row(
        name="clock-behind",
        fault="This machine's clock is a day behind the CA's",
        strike=clock_shift(timedelta(days=1)),
        culprit="Certificate default/web",
        reason="Ready",
        says="in the future: is this machine's clock right",
        remedy="",
        next=True,
        ends=Ends.NEVER_ILL,
    ),
    Row(
        name="clock-ahead",
        fault="This machine's clock is months ahead: new certificates have expired already",
        strike=clock_shift(-timedelta(days=100)),
        mend=clock_shift(timedelta()),
        culprit=ISSUER,
        reason="InvalidCertificate",
        says="expired",
        remedy="clock",
        next=True,
        ends=Ends.RENEW,
    ),
)
