"""What runs: the Deployment and what stands around it. Nothing it may not need, it has."""

from typing import Any, Final

from certwright.api.kinds import Document
from certwright.kube.manifests.installation import (
    HEALTH_PORT,
    METRICS_PORT,
    NAME,
    Installation,
    Worker,
    metadata,
    selector,
    workers,
)

_USER: Final = 65532
"""Nobody in particular; the image's own user."""


def workload(installation: Installation) -> tuple[Document, ...]:
    """Return the Deployments, each with its Service, NetworkPolicy and disruption budget."""
    return tuple(
        document
        for worker in workers(installation)
        for document in (
            _deployment(installation, worker),
            _service(installation, worker),
            _network_policy(installation, worker),
            *(_disruption_budget(installation, worker) if installation.replicas > 1 else ()),
        )
    )


def _deployment(installation: Installation, worker: Worker) -> Document:
    labels = selector(worker.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(worker.name, installation.namespace, **labels),
        "spec": {
            "replicas": installation.replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": NAME,
                    "enableServiceLinks": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "affinity": {"nodeAffinity": _nodes()},
                    "containers": [_container(installation, worker)],
                    # the lease is given back on SIGTERM
                    "terminationGracePeriodSeconds": 30,
                },
            },
        },
    }


def _container(installation: Installation, worker: Worker) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": installation.image,
        "args": _arguments(worker),
        "env": [
            {
                "name": "POD_NAMESPACE",
                "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
            }
        ],
        "ports": [
            {"name": "http-metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
            {"name": "http-healthz", "containerPort": HEALTH_PORT, "protocol": "TCP"},
        ],
        "livenessProbe": _probe("/livez", delay=10, timeout=15, failures=8),
        "readinessProbe": _probe("/readyz", delay=2, timeout=5, failures=3),
        "resources": {
            "requests": {"cpu": "10m", "memory": "96Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _arguments(worker: Worker) -> list[str]:
    return [
        "run",
        "--cluster-resource-namespace=$(POD_NAMESPACE)",
        f"--leader-election-namespace={worker.lease_namespace}",
        f"--metrics-listen-address=0.0.0.0:{METRICS_PORT}",
        f"--internal-healthz-listen-address=0.0.0.0:{HEALTH_PORT}",
        *([f"--namespace={worker.serves}"] if worker.serves else []),
    ]


def _probe(path: str, *, delay: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http-healthz", "scheme": "HTTP"},
        "initialDelaySeconds": delay,
        "periodSeconds": 10,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _nodes() -> dict[str, Any]:
    """Nodes that the image is built for."""
    wanted = {"kubernetes.io/os": ["linux"], "kubernetes.io/arch": ["amd64", "arm64"]}
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": key, "operator": "In", "values": values}
                        for key, values in wanted.items()
                    ]
                }
            ]
        }
    }


def _service(installation: Installation, worker: Worker) -> Document:
    labels = selector(worker.name)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(worker.name, installation.namespace, **labels),
        "spec": {
            "type": "ClusterIP",
            "selector": labels,
            "ports": [
                {
                    "name": "http-metrics",
                    "port": METRICS_PORT,
                    "targetPort": "http-metrics",
                    "protocol": "TCP",
                }
            ],
        },
    }


def _network_policy(installation: Installation, worker: Worker) -> Document:
    """Let in scrapes and probes only; where CAs and name servers are is known to nobody here."""
    ports = [{"protocol": "TCP", "port": port} for port in (METRICS_PORT, HEALTH_PORT)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(worker.name, installation.namespace),
        "spec": {
            "podSelector": {"matchLabels": selector(worker.name)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": ports}],
        },
    }


def _disruption_budget(installation: Installation, worker: Worker) -> tuple[Document]:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(worker.name, installation.namespace),
        "spec": {
            "minAvailable": 1,
            "selector": {"matchLabels": selector(worker.name)},
        },
    }
    return (budget,)
