"""The flags of cert-manager's controller that are honoured (compat-spec 7.1)."""

from certwright.cli.flags.flag import Flag, Form

HONOURED: tuple[Flag, ...] = (
    Flag(
        name="config",
        form=Form.TEXT,
        help="File with a ControllerConfiguration; flags come before it.",
    ),
    Flag(
        name="master",
        form=Form.TEXT,
        field="apiServerHost",
        help="URL of the API server, in place of the kubeconfig's.",
    ),
    Flag(
        name="kubeconfig",
        form=Form.TEXT,
        field="kubeConfig",
        help="Kubeconfig; by default KUBECONFIG, ~/.kube/config, or the pod's own identity.",
    ),
    Flag(
        name="kube-api-qps",
        form=Form.NUMBER,
        field="kubernetesAPIQPS",
        help=(
            "Most requests per second to the API server; without it the server's own flow "
            "control decides."
        ),
    ),
    Flag(
        name="kube-api-burst",
        form=Form.NUMBER,
        field="kubernetesAPIBurst",
        help="Most requests at once where --kube-api-qps is given.",
    ),
    Flag(
        name="cluster-resource-namespace",
        form=Form.TEXT,
        default="kube-system",
        field="clusterResourceNamespace",
        help="Where ClusterIssuers have their Secrets.",
    ),
    Flag(
        name="namespace",
        form=Form.TEXT,
        field="namespace",
        help="Work in this namespace only; ClusterIssuers are not served then.",
    ),
    Flag(
        name="leader-elect",
        form=Form.SWITCH,
        default="true",
        field="leaderElectionConfig.enabled",
        help="Work only while holding the lease cert-manager-controller.",
    ),
    Flag(
        name="leader-election-namespace",
        form=Form.TEXT,
        default="kube-system",
        field="leaderElectionConfig.namespace",
        help="Namespace of the lease.",
    ),
    Flag(
        name="leader-election-lease-duration",
        form=Form.SPAN,
        default="60s",
        field="leaderElectionConfig.leaseDuration",
        help="How long a lease holds that is not renewed.",
    ),
    Flag(
        name="leader-election-renew-deadline",
        form=Form.SPAN,
        default="40s",
        field="leaderElectionConfig.renewDeadline",
        help="When a leader that cannot renew gives up.",
    ),
    Flag(
        name="leader-election-retry-period",
        form=Form.SPAN,
        default="15s",
        field="leaderElectionConfig.retryPeriod",
        help="Pause between two renewals, or two tries.",
    ),
    Flag(
        name="controllers",
        form=Form.LIST,
        default="*",
        field="controllers",
        help=(
            "Which of cert-manager's controllers are stood for: * for the default set, name"
            " adds, -name removes."
        ),
    ),
    Flag(
        name="auto-certificate-annotations",
        form=Form.LIST,
        default="kubernetes.io/tls-acme",
        field="ingressShimConfig.defaultAutoCertificateAnnotations",
        help="Annotations that make an Ingress ask for a certificate by the default issuer.",
    ),
    Flag(
        name="extra-certificate-annotations",
        form=Form.LIST,
        field="ingressShimConfig.extraCertificateAnnotations",
        help="Annotations that a Certificate takes over from its Ingress.",
    ),
    Flag(
        name="default-issuer-name",
        form=Form.TEXT,
        field="ingressShimConfig.defaultIssuerName",
        help="Issuer of an Ingress that names none.",
    ),
    Flag(
        name="default-issuer-kind",
        form=Form.TEXT,
        default="Issuer",
        field="ingressShimConfig.defaultIssuerKind",
        help="Its kind.",
    ),
    Flag(
        name="default-issuer-group",
        form=Form.TEXT,
        default="cert-manager.io",
        field="ingressShimConfig.defaultIssuerGroup",
        help="Its group.",
    ),
    Flag(
        name="dns01-recursive-nameservers",
        form=Form.LIST,
        field="acmeDNS01Config.recursiveNameservers",
        help="Resolvers, host:port or https address; by default the machine's.",
    ),
    Flag(
        name="dns01-recursive-nameservers-only",
        form=Form.SWITCH,
        default="false",
        field="acmeDNS01Config.recursiveNameserversOnly",
        help="Ask only them, not the zones' own servers.",
    ),
    Flag(
        name="enable-certificate-owner-ref",
        form=Form.SWITCH,
        default="false",
        field="enableCertificateOwnerRef",
        help="Let Secrets go with their Certificate.",
    ),
    Flag(
        name="copied-annotation-prefixes",
        form=Form.LIST,
        default="*,-kubectl.kubernetes.io/,-fluxcd.io/,-argocd.argoproj.io/",
        field="copiedAnnotationPrefixes",
        help="Which annotations of a Certificate its requests get; -prefix takes some out.",
    ),
    Flag(
        name="certificate-request-minimum-backoff-duration",
        form=Form.SPAN,
        field="certificateRequestMinimumBackoffDuration",
        help=(
            "First pause after a failed issuance, doubling; without it the class of the "
            "failure decides."
        ),
    ),
    Flag(
        name="certificate-request-maximum-backoff-duration",
        form=Form.SPAN,
        default="32h",
        field="certificateRequestMaximumBackoffDuration",
        help="Longest such pause.",
    ),
    Flag(
        name="feature-gates",
        form=Form.MAP,
        field="featureGates",
        help=(
            "cert-manager's gates by name, A=true,B=false; each that asks for something "
            "else than what is done is answered with a line."
        ),
    ),
    Flag(
        name="metrics-listen-address",
        form=Form.TEXT,
        default="0.0.0.0:9402",
        field="metricsListenAddress",
        help="Where metrics are served.",
    ),
    Flag(
        name="internal-healthz-listen-address",
        form=Form.TEXT,
        default="0.0.0.0:9403",
        field="healthzListenAddress",
        help="Where /livez and /readyz are served.",
    ),
    Flag(
        name="internal-healthz-leader-election-timeout",
        form=Form.SPAN,
        default="20s",
        field="leaderElectionConfig.healthzTimeout",
        help="How long past its lease a leader counts as alive.",
    ),
    Flag(
        name="logging-format",
        form=Form.TEXT,
        field="logging.format",
        help="text or json; the same as --log-format.",
    ),
)
