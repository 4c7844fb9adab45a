"""The flags of cert-manager's controller that are taken and do nothing: what replaces each.

By what replaces them: name, form, and the field of the `--config` file.
"""

from collections.abc import Mapping

from certwright.cli.flags.flag import Flag, Form

_SHORT = {"v": "v"}

_INSTEAD: Mapping[str, tuple[tuple[str, Form, str], ...]] = {
    "HTTP-01 is not served yet; when it is, the controller answers and there is no solver pod": (
        ("acme-http01-solver-image", Form.TEXT, "acmeHTTP01Config.solverImage"),
        (
            "acme-http01-solver-resource-request-cpu",
            Form.TEXT,
            "acmeHTTP01Config.solverResourceRequestCPU",
        ),
        (
            "acme-http01-solver-resource-request-memory",
            Form.TEXT,
            "acmeHTTP01Config.solverResourceRequestMemory",
        ),
        (
            "acme-http01-solver-resource-limits-cpu",
            Form.TEXT,
            "acmeHTTP01Config.solverResourceLimitsCPU",
        ),
        (
            "acme-http01-solver-resource-limits-memory",
            Form.TEXT,
            "acmeHTTP01Config.solverResourceLimitsMemory",
        ),
        ("acme-http01-solver-run-as-non-root", Form.SWITCH, "acmeHTTP01Config.solverRunAsNonRoot"),
        ("acme-http01-solver-nameservers", Form.LIST, "acmeHTTP01Config.solverNameservers"),
        ("acme-http01-solver-extra-labels", Form.MAP, "acmeHTTP01Config.solverExtraLabels"),
        (
            "acme-http01-solver-runtime-class-name",
            Form.TEXT,
            "acmeHTTP01Config.solverRuntimeClassName",
        ),
    ),
    "the DNS providers that are served take their credentials from Secrets only": (
        ("cluster-issuer-ambient-credentials", Form.SWITCH, "clusterIssuerAmbientCredentials"),
        ("issuer-ambient-credentials", Form.SWITCH, "issuerAmbientCredentials"),
    ),
    "the zone's servers are asked from 100 ms on with a growing interval": (
        ("dns01-check-retry-period", Form.SPAN, "acmeDNS01Config.checkRetryPeriod"),
    ),
    "the Gateway API is not served yet; Ingresses are": (
        ("enable-gateway-api", Form.SWITCH, "enableGatewayAPI"),
        ("enable-gateway-api-listenerset", Form.SWITCH, "enableGatewayAPIListenerSet"),
        ("gateway-api-extra-protocols", Form.LIST, "gatewayAPIExtraProtocols"),
    ),
    "reconciles wait for the network without holding a worker; 50 run at once": (
        ("concurrent-workers", Form.NUMBER, "numberOfConcurrentWorkers"),
    ),
    "there is no limit that a stuck name could use up": (
        ("max-concurrent-challenges", Form.NUMBER, "maxConcurrentChallenges"),
    ),
    "metrics are served in plain HTTP; a sidecar or the mesh adds TLS": (
        ("metrics-tls-cert-file", Form.TEXT, "metricsTLSConfig.filesystem.certFile"),
        ("metrics-tls-private-key-file", Form.TEXT, "metricsTLSConfig.filesystem.keyFile"),
        (
            "metrics-dynamic-serving-leaf-duration",
            Form.SPAN,
            "metricsTLSConfig.dynamic.leafDuration",
        ),
        (
            "metrics-dynamic-serving-ca-secret-namespace",
            Form.TEXT,
            "metricsTLSConfig.dynamic.secretNamespace",
        ),
        (
            "metrics-dynamic-serving-ca-secret-name",
            Form.TEXT,
            "metricsTLSConfig.dynamic.secretName",
        ),
        ("metrics-dynamic-serving-dns-names", Form.LIST, "metricsTLSConfig.dynamic.dnsNames"),
        ("metrics-tls-cipher-suites", Form.LIST, "metricsTLSConfig.cipherSuites"),
        ("metrics-tls-min-version", Form.TEXT, "metricsTLSConfig.minTLSVersion"),
    ),
    "profile with py-spy from outside, which costs nothing while it is not used": (
        ("enable-profiling", Form.SWITCH, "enablePprof"),
        ("profiler-address", Form.TEXT, "pprofAddress"),
    ),
    "the limits of what is parsed are cert-manager's defaults": (
        ("max-certificate-size", Form.NUMBER, "pemSizeLimitsConfig.maxCertificateSize"),
        ("max-private-key-size", Form.NUMBER, "pemSizeLimitsConfig.maxPrivateKeySize"),
        ("max-certificate-chain-length", Form.NUMBER, "pemSizeLimitsConfig.maxChainLength"),
        ("max-certificate-bundle-size", Form.NUMBER, "pemSizeLimitsConfig.maxBundleSize"),
    ),
    "one line per event is logged; see --log-level and --log-format": (
        ("v", Form.NUMBER, "logging.verbosity"),
        ("vmodule", Form.TEXT, "logging.vmodule"),
        ("log-flush-frequency", Form.SPAN, "logging.flushFrequency"),
        ("log-json-info-buffer-size", Form.TEXT, "logging.options.json.infoBufferSize"),
        ("log-json-split-stream", Form.SWITCH, "logging.options.json.splitStream"),
        ("log-text-info-buffer-size", Form.TEXT, "logging.options.text.infoBufferSize"),
        ("log-text-split-stream", Form.SWITCH, "logging.options.text.splitStream"),
    ),
}

ACCEPTED: tuple[Flag, ...] = tuple(
    Flag(
        name=name,
        form=form,
        field=field,
        help="Accepted, no effect:",
        instead=instead,
        short=_SHORT.get(name, ""),
    )
    for instead, rows in _INSTEAD.items()
    for name, form, field in rows
)
