"""A Kafka that asks for TLS, a client's certificate, a login and ACLs, and a Redis that asks for TLS and a login."""

import os
import socket
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from typing_extensions import override

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from tests.support.acl_file import ROOT, usable
from tests.support.certificates import Certificates
from tests.support.kafka.server import KafkaServer

USERS = ("worker", "api", "console", "webhooks", "tools")
PASSWORD = "right-horse-battery"
SECURED = """
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.ssl.client.auth=required
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={keystore}
listener.name.secured.ssl.truststore.type=PEM
listener.name.secured.ssl.truststore.location={truststore}
"""


class SecuredKafka(KafkaServer):
    """A broker whose plain listener is for the test, and whose secured one is for streamseg."""

    def __init__(self, certificates: Certificates, folder: Path) -> None:
        keystore = folder / "kafka.pem"
        keystore.write_text(certificates.server_key.read_text() + certificates.server.read_text())
        self.plain, self.secured = free_port(), free_port()
        super().__init__(
            SECURED.format(
                plain=self.plain,
                controller=free_port(),
                port=self.secured,
                keystore=keystore,
                truststore=certificates.authority,
            )
        )
        self.port = self.plain

    def add_users(self) -> None:
        """Give each of our users its password."""
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        added = [UserScramCredentialUpsertion(f"streamseg-{user}", scram, PASSWORD.encode()) for user in USERS]
        for future in self._admin().alter_user_scram_credentials(added).values():
            future.result(20)

    def allow(self, bindings: Iterable[AclBinding]) -> None:
        """Add rights."""
        for future in self._admin().create_acls(list(bindings)).values():
            future.result(20)

    def forbid(self, bindings: Iterable[AclBinding]) -> None:
        """Take rights away."""
        wanted = [
            AclBindingFilter(
                one.restype,
                one.name,
                one.resource_pattern_type,
                one.principal,
                one.host,
                one.operation,
                one.permission_type,
            )
            for one in bindings
        ]
        for future in self._admin().delete_acls(wanted).values():
            future.result(20)

    def _admin(self) -> AdminClient:
        self._client = AdminClient({"bootstrap.servers": self.bootstrap})  # kept: its futures need it
        return self._client


class SecuredRedis(RedisServer):
    """A server that only speaks TLS, with the users of deploy/redis/processes.acl and no default user."""

    def __init__(self, certificates: Certificates, folder: Path) -> None:
        users = folder / "users.acl"
        users.write_text("user default off\n" + usable("processes.acl", dict.fromkeys(USERS, PASSWORD)))
        tls = free_port()
        super().__init__(
            options=(
                *("--port", "0", "--tls-port", str(tls), "--tls-auth-clients", "no", "--aclfile", str(users)),
                *("--tls-cert-file", str(certificates.server), "--tls-key-file", str(certificates.server_key)),
                *("--tls-ca-cert-file", str(certificates.authority), "--appendonly", "yes"),
            )
        )
        self.port = tls
        self._authority = certificates.authority

    @property
    @override
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}/0"

    @override
    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self._authority))
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), 1.0) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
            ):
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"-NOAUTH")
        except OSError:
            return False


def documented_acls(folder: Path) -> list[AclBinding]:
    """The rights that deploy/kafka/acls.sh adds: it runs here with a kafka-acls.sh that notes its arguments."""
    noted = folder / "noted"
    tool = folder / "kafka-acls.sh"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {noted}\n')
    tool.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    subprocess.run([ROOT / "deploy/kafka/acls.sh", "kafka:9092"], env=os.environ | {"PATH": path}, check=True)
    return [binding for line in noted.read_text().splitlines() for binding in _bindings(line.split())]


def _bindings(words: list[str]) -> Iterable[AclBinding]:
    assert words[:3] == ["--bootstrap-server", "kafka:9092", "--add"]
    given = list(zip(words[3::2], words[4::2], strict=True))
    options = dict(given)
    kind, name = next(
        (one, options[f"--{one}"]) for one in ("topic", "group", "transactional-id") if f"--{one}" in options
    )
    resource = ResourceType.TRANSACTIONAL_ID if kind == "transactional-id" else ResourceType[kind.upper()]
    pattern = ResourcePatternType[options.get("--resource-pattern-type", "literal").upper()]
    for option, operation in given:
        if option == "--operation":
            yield AclBinding(
                resource,
                name,
                pattern,
                options["--allow-principal"],
                "*",
                OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )


OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
