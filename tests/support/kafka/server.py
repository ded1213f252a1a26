"""Runs a real Kafka from Apache's jars: one node as broker and controller, on free ports."""

import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from typing_extensions import override

from streamseg.embedded.child import Child, ServerError, free_port
from streamseg.embedded.server import Server

HERE: Final = Path(__file__).parent
VERSION: Final = "4.3.0"
JARS: Final = HERE.parents[2] / ".cache" / "kafka" / VERSION
PROPERTIES: Final = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
message.max.bytes=2000000
log.segment.delete.delay.ms=1000
"""


def path_of(program: str, package: str) -> str:
    """Return the program's path. Raises `ServerError` that says what to install."""
    found = shutil.which(program)
    if found is None:
        raise ServerError(f"{program} is missing: run tests/support/install-servers.sh or install {package}")
    return found


def jars() -> Path:
    """Return the folder of Kafka's jars; Maven downloads them the first time."""
    done = JARS / ".complete"
    if not done.exists():
        JARS.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(
            [
                path_of("mvn", "maven"), "-q", "-B", "-f", str(HERE / "pom.xml"),
                "dependency:copy-dependencies", f"-DoutputDirectory={JARS}",
            ],
            check=False, capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        if fetched.returncode:
            raise ServerError(f"Maven could not fetch Kafka: {(fetched.stdout + fetched.stderr).strip()[-500:]}")
        done.touch()
    return JARS


class KafkaServer(Server):
    """A broker; it can be killed and restarted on the same data and ports."""

    start_seconds: ClassVar[float] = 90.0
    stop_seconds: ClassVar[float] = 30.0

    def __init__(self, extra: str = "", advertised: Sequence[int] = ()) -> None:
        """Prepare a broker with one plain listener, and more as asked.

        Args:
            extra: more lines of server.properties; the last line of a name counts.
            advertised: ports of proxies. Each gets a listener on a port of `behind`, which refers its clients back to
                the proxy.
        """
        self.port, controller = free_port(), free_port()
        self.behind = [free_port() for _ in advertised]
        folder = Path(tempfile.mkdtemp(prefix="streamseg-kafka-"))
        self._properties = folder / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(port=self.port, controller=controller, data=folder / "data")
            + (self._proxied_listeners(controller, advertised) if advertised else "")
            + extra
        )
        java = [
            path_of("java", "default-jre-headless"), "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}", "-cp", f"{jars()}/*",
        ]  # fmt: skip
        self._format = [*java, "kafka.tools.StorageTool", "format", "-c", str(self._properties)]
        super().__init__(Child("kafka", [*java, "kafka.Kafka", str(self._properties)], folder))
        self._formatted = False

    def _proxied_listeners(self, controller: int, advertised: Sequence[int]) -> str:
        names = [f"PROXIED{number}" for number in range(len(advertised))]
        plain = f"PLAINTEXT://127.0.0.1:{self.port}"
        inside = [f"{name}://127.0.0.1:{port}" for name, port in zip(names, self.behind, strict=True)]
        outside = [f"{name}://127.0.0.1:{port}" for name, port in zip(names, advertised, strict=True)]
        return "\n".join(
            (
                f"listeners={','.join([plain, f'CONTROLLER://127.0.0.1:{controller}', *inside])}",
                f"advertised.listeners={','.join([plain, *outside])}",
                "listener.security.protocol.map="
                + ",".join(f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names)),
                "inter.broker.listener.name=PLAINTEXT\n",
            )
        )

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    @override
    def start(self) -> Self:
        if not self._formatted:
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            made = subprocess.run(
                [*self._format, f"--cluster-id={cluster}"], check=False, capture_output=True, text=True, timeout=60
            )
            if made.returncode:
                raise ServerError(f"Kafka's storage could not be formatted: {(made.stdout + made.stderr)[-500:]}")
            self._formatted = True
        return super().start()

    @override
    def _answers(self) -> bool:
        try:
            asked = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(asked.list_topics(timeout=1.0).brokers)
        except KafkaException:
            return False
