"""The interfaces between the edges: clock, log, stores, event sink.

Each has an implementation in memory; `tests/contracts` runs the same tests on all implementations. Calls declared
`async` wait for a server and never block the event loop. All others return at once.
"""

from streamseg.ports.auditing import AuditEntry as AuditEntry
from streamseg.ports.auditing import AuditLog as AuditLog
from streamseg.ports.clock import Clock as Clock
from streamseg.ports.clock import SeenTimes as SeenTimes
from streamseg.ports.log import EventSink as EventSink
from streamseg.ports.log import Log as Log
from streamseg.ports.log import OutgoingRecord as OutgoingRecord
from streamseg.ports.log import Tail as Tail
from streamseg.ports.membership_store import MembershipStore as MembershipStore
from streamseg.ports.model_store import ModelStore as ModelStore
from streamseg.ports.operating import GroupMember as GroupMember
from streamseg.ports.operating import KafkaView as KafkaView
from streamseg.ports.operating import PartitionReport as PartitionReport
from streamseg.ports.operating import TopicLag as TopicLag
from streamseg.ports.operating import Wait as Wait
from streamseg.ports.operating import WorkerReport as WorkerReport
from streamseg.ports.operating import WorkerReports as WorkerReports
from streamseg.ports.reading import Reader as Reader
from streamseg.ports.reading import RunHandler as RunHandler
from streamseg.ports.reading import RunStream as RunStream
from streamseg.ports.reading import Sessions as Sessions
from streamseg.ports.serving import SCOPES as SCOPES
from streamseg.ports.serving import ApiKey as ApiKey
from streamseg.ports.serving import ApiKeyStore as ApiKeyStore
from streamseg.ports.serving import ChangeNotices as ChangeNotices
from streamseg.ports.serving import ConsoleRole as ConsoleRole
from streamseg.ports.serving import KeyKind as KeyKind
from streamseg.ports.serving import Scope as Scope
from streamseg.ports.serving import TicketStore as TicketStore
from streamseg.ports.state_store import FLUSH_ROWS as FLUSH_ROWS
from streamseg.ports.state_store import Flow as Flow
from streamseg.ports.state_store import Flows as Flows
from streamseg.ports.state_store import Flush as Flush
from streamseg.ports.state_store import PartitionMetadata as PartitionMetadata
from streamseg.ports.state_store import StateStore as StateStore
from streamseg.ports.webhooks import ChangeRecord as ChangeRecord
from streamseg.ports.webhooks import Closed as Closed
from streamseg.ports.webhooks import Delivery as Delivery
from streamseg.ports.webhooks import QueueCounts as QueueCounts
from streamseg.ports.webhooks import Subscriber as Subscriber
from streamseg.ports.webhooks import WebhookStore as WebhookStore
