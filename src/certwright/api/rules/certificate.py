"""Rules of Certificate (compat-spec 1.1.3); cron, time zones and literal subjects: `contents`."""

from certwright.api.rules.rule import Home, Reason, Rule, placed, required
from certwright.api.rules.text import (
    DURATION,
    ISSUER_REFERENCE,
    LABEL_VALUE,
    QUALIFIED,
    SUBDOMAIN,
    duration_text,
)

_SUBJECT_LISTS = (
    "organizations",
    "countries",
    "organizationalUnits",
    "localities",
    "provinces",
    "streetAddresses",
    "postalCodes",
    "serialNumber",
)
_NAMES = ("commonName", "dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames")
_LITERAL = "has(self.literalSubject) && self.literalSubject != ''"
_LIFETIME = "(has(self.duration) ? duration(self.duration) : duration('2160h'))"
_IS_DURATION = "self.{0}.matches('" + DURATION + "')"
_RENEWABLE = (
    f"has(self.renewBefore) && {_IS_DURATION.format('renewBefore')}"
    f" && (!has(self.duration) || {_IS_DURATION.format('duration')})"
)

_SUBJECT: tuple[Rule, ...] = (
    *required("", "secretName"),
    Rule(
        at="secretName",
        # 253 is the longest name of an object; a pattern cannot say so beside its own repeats.
        rule=f"size(self) == 0 || (size(self) <= 253 && self.matches('{SUBDOMAIN}'))",
        message="must be the name of a Secret: a DNS-1123 subdomain of at most 253 characters",
    ),
    Rule(
        at="",
        rule=f"!({_LITERAL}) || !has(self.commonName) || self.commonName == ''",
        message="must not be set together with literalSubject",
        field=".commonName",
    ),
    Rule(
        at="",
        rule=f"!({_LITERAL}) || !has(self.subject) || ("
        + " && ".join(
            f"(!has(self.subject.{name}) || size(self.subject.{name}) == 0)"
            for name in _SUBJECT_LISTS
        )
        + ")",
        message="must not be set together with literalSubject",
        field=".subject",
    ),
    Rule(
        at="",
        rule=" || ".join(
            [f"(has(self.{name}) && size(self.{name}) > 0)" for name in _NAMES]
            # The subject is parsed by the controller; here only whether a CN may be in it.
            + [f"({_LITERAL} && self.literalSubject.matches('(^|[,;+ ])(CN|2[.]5[.]4[.]3) *='))"]
        ),
        message=(
            "at least one of commonName (or a CN in literalSubject), dnsNames, uris, ipAddresses,"
            " emailAddresses or otherNames must be set"
        ),
        reason=Reason.REQUIRED,
    ),
    Rule(
        at="commonName",
        rule="size(bytes(self)) <= 64",
        message="must have at most 64 bytes",
    ),
    Rule(at="ipAddresses[]", rule="isIP(self)", message="must be an IP address", home=Home.POLICY),
    Rule(
        at="emailAddresses[]",
        rule=r"""self.matches('^[^ \t\r\n<>@,;:"()]+@[^ \t\r\n<>@,;:"()]+$')""",
        message="must be a bare e-mail address such as ops@example.com",
        home=Home.POLICY,
    ),
    Rule(
        at="otherNames[]",
        rule=r"has(self.oid) && self.oid.matches('^[0-2](\\.(0|[1-9][0-9]*))+$')",
        message="must be a dotted object identifier",
        field=".oid",
        home=Home.POLICY,
    ),
    Rule(
        at="otherNames[]",
        rule="has(self.utf8Value) && size(self.utf8Value) > 0",
        message="must not be empty",
        field=".utf8Value",
        reason=Reason.REQUIRED,
        home=Home.POLICY,
    ),
)

_TIME: tuple[Rule, ...] = (
    duration_text("", "duration"),
    duration_text("", "renewBefore"),
    Rule(
        # of the node itself: a failure to evaluate it (one longer than Go's) is told there
        at="duration",
        rule=f"!self.matches('{DURATION}') || duration(self) >= duration('1h')",
        message="must be at least 1h",
    ),
    Rule(
        at="",
        rule="!(has(self.renewBefore) && has(self.renewBeforePercentage))",
        message="must not be set together with renewBeforePercentage",
        field=".renewBefore",
    ),
    Rule(
        at="",
        rule=f"!({_RENEWABLE}) || duration(self.renewBefore) >= duration('5m')",
        message="must be at least 5m",
        field=".renewBefore",
    ),
    Rule(
        at="",
        rule=f"!({_RENEWABLE}) || duration(self.renewBefore) < {_LIFETIME}",
        message="must be less than the duration (2160h where none is set)",
        field=".renewBefore",
    ),
    Rule(
        at="",
        # compat-spec 1.1.3: only checked beside a duration, and on the part that is *not* left.
        rule=(
            "!has(self.renewBeforePercentage) || !has(self.duration)"
            f" || !{_IS_DURATION.format('duration')} || (self.renewBeforePercentage > 0"
            " && duration(self.duration).getSeconds() * (100 - self.renewBeforePercentage)"
            " >= 30000)"
        ),
        message="must leave at least 5m and less than the whole duration",
        field=".renewBeforePercentage",
    ),
    Rule(
        at="renewal",
        rule=(
            "!(has(self.policy) && self.policy == 'Disabled') || !has(self.windows)"
            " || size(self.windows) == 0"
        ),
        message="must not be set where the policy is Disabled",
        field=".windows",
        reason=Reason.FORBIDDEN,
    ),
)

_KEY: tuple[Rule, ...] = (
    Rule(
        at="privateKey",
        rule=(
            "!(!has(self.algorithm) || self.algorithm == 'RSA') || !has(self.size)"
            " || self.size == 0 || (self.size >= 2048 && self.size <= 8192)"
        ),
        message="must be between 2048 and 8192 for RSA keys",
        field=".size",
    ),
    Rule(
        at="privateKey",
        rule=(
            "!(has(self.algorithm) && self.algorithm == 'ECDSA') || !has(self.size)"
            " || self.size in [0, 256, 384, 521]"
        ),
        message="must be 256, 384 or 521 for ECDSA keys",
        field=".size",
    ),
    *(
        Rule(
            at="",
            rule=(
                f"!has(self.signatureAlgorithm) || !({condition})"
                f" || self.signatureAlgorithm in {words}"
            ),
            message=f"must be one of {', '.join(words)} for {family} keys",
            field=".signatureAlgorithm",
        )
        for family, condition, words in (
            (
                "RSA",
                (
                    "!has(self.privateKey) || !has(self.privateKey.algorithm)"
                    " || self.privateKey.algorithm == 'RSA'"
                ),
                ["SHA256WithRSA", "SHA384WithRSA", "SHA512WithRSA"],
            ),
            (
                "ECDSA",
                (
                    "has(self.privateKey) && has(self.privateKey.algorithm)"
                    " && self.privateKey.algorithm == 'ECDSA'"
                ),
                ["ECDSAWithSHA256", "ECDSAWithSHA384", "ECDSAWithSHA512"],
            ),
            (
                "Ed25519",
                (
                    "has(self.privateKey) && has(self.privateKey.algorithm)"
                    " && self.privateKey.algorithm == 'Ed25519'"
                ),
                ["PureEd25519"],
            ),
        )
    ),
)

_KEYSTORE: tuple[Rule, ...] = (
    Rule(
        at="",
        rule=(
            "has(self.password) != (has(self.passwordSecretRef)"
            " && has(self.passwordSecretRef.name) && size(self.passwordSecretRef.name) > 0)"
        ),
        message="exactly one of password and passwordSecretRef.name must be set",
    ),
    Rule(
        at="",
        rule="!has(self.password) || size(self.password) > 0",
        message="must not be empty",
        field=".password",
    ),
)

_RANGES = tuple(
    Rule(
        at=f"nameConstraints.{side}.ipRanges[]",
        rule="isCIDR(self)",
        message="must be a range of addresses such as 10.0.0.0/8",
        home=Home.POLICY,
    )
    for side in ("permitted", "excluded")
)

_OUTPUT: tuple[Rule, ...] = (
    Rule(at="revisionHistoryLimit", rule="self >= 1", message="must be at least 1"),
    Rule(
        at="secretTemplate.annotations{}",
        rule=(
            "!self.startsWith('cert-manager.io/')"
            " || self == 'cert-manager.io/allow-direct-injection'"
        ),
        message="cert-manager.io/* annotations are not allowed",
        home=Home.POLICY,
    ),
    Rule(
        at="secretTemplate.annotations{}",
        rule=f"self.matches('{QUALIFIED}')",
        message="must be the key of an annotation",
        home=Home.POLICY,
    ),
    Rule(
        at="secretTemplate.labels{}",
        rule=f"self.matches('{QUALIFIED}')",
        message="must be the key of a label",
        home=Home.POLICY,
    ),
    Rule(
        at="secretTemplate.labels",
        rule=f"self.all(k, self[k].matches('{LABEL_VALUE}'))",
        message="values must be those of labels: at most 63 letters, digits, '-', '_' and '.'",
        home=Home.POLICY,
    ),
    Rule(
        at="",
        rule="!has(self.nameConstraints) || (has(self.isCA) && self.isCA)",
        message="must not be set where isCA is not true",
        field=".nameConstraints",
    ),
    Rule(
        at="nameConstraints",
        rule="has(self.permitted) || has(self.excluded)",
        message="at least one of permitted and excluded must be set",
        reason=Reason.REQUIRED,
    ),
    *_RANGES,
    Rule(
        at="additionalOutputFormats",
        rule="self.all(f, self.exists_one(g, g.type == f.type))",
        message="must not name a type twice",
        reason=Reason.DUPLICATE,
        home=Home.POLICY,
    ),
    *placed(_KEYSTORE, "keystores.jks"),
    *placed(_KEYSTORE, "keystores.pkcs12"),
)

CERTIFICATE = placed((*_SUBJECT, *ISSUER_REFERENCE, *_TIME, *_KEY, *_OUTPUT), "spec")
