"""The kinds of Kubernetes itself that are read or written: Secret, Service, Ingress, Event."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from certwright.api.meta import Resource, Time

TLS_CERT = "tls.crt"
TLS_KEY = "tls.key"
CA_CERT = "ca.crt"
TYPE_TLS = "kubernetes.io/tls"
TYPE_OPAQUE = "Opaque"


class Secret(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Named bytes that are nobody else's business; its `repr` hides them."""

    type: Annotated[str, Meta(description="Kind of content.")] = ""
    data: Annotated[Mapping[str, bytes], Meta(description="The bytes by name.")] = field(
        default_factory=dict
    )
    string_data: Annotated[
        Mapping[str, str], Meta(description="Text by name; becomes data on write.")
    ] = field(default_factory=dict)
    immutable: Annotated[bool, Meta(description="Whether data may change.")] = False

    def __repr__(self) -> str:
        names = ", ".join(sorted({*self.data, *self.string_data}))
        return f"Secret({self.key}, type={self.type!r}, data=[{names}])"

    __str__ = __repr__


class ServicePort(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A port of a Service."""

    port: int
    name: str = ""
    protocol: str = ""
    target_port: int | str | None = None
    node_port: int | None = None


class ServiceSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a Service leads to."""

    type: str = ""
    cluster_ip: str = field(default="", name="clusterIP")
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)


class Service(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A backend of an Ingress."""

    spec: ServiceSpec = ServiceSpec()


class ServiceBackendPort(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port by name or number."""

    name: str = ""
    number: int | None = None


class IngressServiceBackend(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Service as backend."""

    name: str
    port: ServiceBackendPort | None = None


class IngressBackend(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where requests go."""

    service: IngressServiceBackend | None = None
    resource: Mapping[str, Any] | None = None


class HTTPIngressPath(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One path of a rule."""

    backend: IngressBackend
    path: str = ""
    path_type: str = ""


class HTTPIngressRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The paths of a host."""

    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is served at a host."""

    host: str = ""
    http: HTTPIngressRule | None = None


class IngressTLS(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Hosts served with one Secret."""

    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Hosts, paths and their Secrets."""

    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: tuple[IngressTLS, ...] = ()
    rules: tuple[IngressRule, ...] = ()


class Ingress(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A site."""

    spec: IngressSpec = IngressSpec()


class EventType(StrEnum):
    """Whether a person should look."""

    NORMAL = "Normal"
    WARNING = "Warning"


class ObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an Event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = field(default="", name="apiVersion")
    resource_version: str = field(default="", name="resourceVersion")


class EventSource(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who saw it."""

    component: str = ""


class Event(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that happened to a resource (core/v1)."""

    involved_object: ObjectReference
    reason: str = ""
    message: str = ""
    type: EventType = EventType.NORMAL
    source: EventSource = EventSource()
    reporting_component: str = ""
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    count: int = 1
