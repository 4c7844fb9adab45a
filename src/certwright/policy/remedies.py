"""What a person can do, one sentence per word of a cause: ours (`base.reason`) or the CA's.

A problem that brought its own remedy keeps it; this table is for the others.
"""

from collections.abc import Iterable, Mapping

from certwright.base.reason import Reason

REMEDIES: Mapping[str, str] = {
    # The CA's words (RFC 8555 §6.7)
    "accountDoesNotExist": "Delete Secret {secret}, the account key: a new account is made then.",
    "accountRefused": "Ask the CA what is wrong with the account; where it is closed, delete "
    "Secret {secret}, its key: a new account is made then.",
    "externalAccount": "Put the HMAC key that the CA gave, base64url, into Secret {secret}, and "
    "its key identifier into spec.acme.externalAccountBinding of {issuer}.",
    "badCSR": "Compare the names, key and usages of Certificate {certificate} with what the CA "
    "signs.",
    "badPublicKey": "Use a key that the CA takes: ECDSA P-256 or RSA 2048.",
    "caa": "Allow the CA in the CAA records of {name}, or remove them.",
    "connection": "Open the way from the CA to the name servers (or web server) of {name}.",
    "dns": "See that the public name servers of {name} answer, and that the zone is delegated to "
    "them.",
    "externalAccountRequired": "Ask the CA for external account binding credentials and set "
    "spec.acme.externalAccountBinding of the issuer.",
    "incorrectResponse": "See that the name servers which the world asks for {name} are the ones "
    "that the solver writes to.",
    "invalidContact": "Correct spec.acme.email of {issuer}.",
    "malformed": "Compare what was asked for with what the CA takes.",
    "rateLimited": "Wait: the CA takes no more orders like this one before then.",
    "rejectedIdentifier": "Ask for names that the CA signs: {name} is not one.",
    "serverInternal": "Nothing, unless the CA's status page says otherwise: it is tried again.",
    "tls": "Correct the TLS set-up of {name}.",
    "unauthorized": "See that {name} is yours and that the proof reaches the world.",
    "unsupportedContact": "Correct spec.acme.email of {issuer}.",
    "unsupportedIdentifier": "Ask for names of a kind that the CA signs: {name} is not one.",
    "userActionRequired": "Follow the CA's instructions, then edit {issuer}.",
    # Issuers
    Reason.ERR_GET_KEY_PAIR: "Put the CA's certificate and private key into Secret {secret} as "
    "tls.crt and tls.key.",
    Reason.ERR_INVALID_KEY_PAIR: "Put the key pair of a CA (a certificate with CA:TRUE) into "
    "Secret {secret}.",
    Reason.SIGNER_EXPIRED: "Put a key pair that is valid into Secret {secret}, then run "
    "`certwright renew {name_only} -n {namespace}`.",
    Reason.ERR_VERIFY_ACME_ACCOUNT: "Put the account's private key into Secret {secret}, or let "
    "certwright make one.",
    Reason.ERR_REGISTER_ACME_ACCOUNT: "Correct the account of {issuer}: server, e-mail, external "
    "account binding.",
    Reason.ERR_UPDATE_ACME_ACCOUNT: "Correct spec.acme.email of {issuer}.",
    Reason.INVALID_CONFIG: "Correct the spec of {issuer}.",
    Reason.INVALID_SOLVER: "Correct the solvers of {issuer}, or the Secrets that they name.",
    Reason.INVALID_URL: "Correct spec.acme.server of {issuer}.",
    Reason.ISSUER_TYPE_MISSING: "Give {issuer} exactly one type: acme, ca or selfSigned.",
    Reason.NOT_SERVED: "Use what is served: issuers of the types acme, ca and selfSigned, PEM in "
    "the Secret.",
    # Requests
    Reason.DENIED: "Ask who denied it; `certwright renew {name_only} -n {namespace}` asks again.",
    Reason.WAITING_FOR_APPROVAL: "Approve the CertificateRequest, or let the built-in approver "
    "run.",
    Reason.INVALID_CERTIFICATE: "Look at the issuer's CA certificate (expired?) and at this "
    "machine's clock.",
    Reason.REQUEST_FAILED: "Delete the CertificateRequest that has the name, or give Certificate "
    "{certificate} another name.",
    Reason.REQUEST_PARSING_ERROR: "Delete the CertificateRequest: certwright makes a new one.",
    Reason.INVALID_ORDER: "Add the common name to spec.dnsNames of Certificate {certificate}.",
    Reason.SIGNING_ERROR: "Look at what Certificate {certificate} asks for and at the CA's key "
    "pair.",
    Reason.SECRET_MISSING: "Create Secret {secret}.",
    Reason.SECRET_INVALID_DATA: "Put a valid key pair into Secret {secret}.",
    # Certificates
    Reason.CANNOT_REGENERATE_KEY: "Set spec.privateKey.rotationPolicy to Always, or make "
    "spec.privateKey fit the key, or delete Secret {secret}.",
    Reason.INCORRECT_CERTIFICATE: "Give each Certificate a spec.secretName of its own.",
    Reason.WINDOW_ERROR: "Correct spec.renewal.windows: five fields of cron, a duration, an IANA "
    "time zone.",
    Reason.EXPIRED: "Set spec.renewal.policy to RenewBefore, or run `certwright renew {name_only} "
    "-n {namespace}`.",
    Reason.INVALID_SPEC: "Correct the spec of Certificate {certificate}.",
    # Proofs
    Reason.SOLVER: "Give {issuer} a DNS-01 solver whose selector fits these names.",
    Reason.ZONE_NOT_FOUND: "Create the zone and delegate it, or name resolvers that see it.",
    Reason.CNAME_LOOP: "Remove one of these CNAME records.",
    Reason.CREDENTIALS_REFUSED: "Correct the credentials in Secret {secret}, and their rights at "
    "the DNS server.",
    Reason.NOT_OURS: "Delete it: certwright makes its own.",
    # Any
    Reason.CONNECTION_FAILED: "See whether this machine reaches {server}: network, proxy, "
    "firewall, and the CA that its TLS certificate comes from (caBundle).",
    Reason.SERVER_ERROR: "Nothing, unless the server is yours: it is tried again.",
    Reason.RATE_LIMITED: "Wait: it is tried again when the server allows it.",
    Reason.REFUSED: "Change what the CA complains about; an edit is tried at once.",
    Reason.EXPORT_FAILED: "Make room in {out} and see that certwright may write there.",
    Reason.STATE_FAILED: "Make room on the disk of {file} and see that certwright may write there.",
    Reason.HOOK_FAILED: "Run the hook by hand and correct what it complains about.",
    Reason.INTERNAL_ERROR: "This is a bug: report it with the log of `certwright run`.",
}


class _Names(dict[str, str]):
    """What is not known is said in general words."""

    def __missing__(self, key: str) -> str:
        return _GENERAL.get(key, "it")


_GENERAL = {
    "secret": "that the issuer names",
    "name": "the name",
    "issuer": "the issuer",
    "server": "the server",
    "out": "the output folder",
    "file": "the state file",
    "certificate": "that asks",
}


def remedy_for(words: Iterable[str], **known: str) -> str:
    """Return the remedy of the first word that has one, the names filled in; else empty."""
    for word in words:
        if word in REMEDIES:
            return REMEDIES[word].format_map(_Names(known))
    return ""
