"""The stores in memory, under the same contracts as on Redis, for tests. For one event loop only."""

from streamseg.store.memory.api_key_store import MemoryApiKeyStore as MemoryApiKeyStore
from streamseg.store.memory.change_notices import MemoryChangeNotices as MemoryChangeNotices
from streamseg.store.memory.membership_store import MemoryMembershipStore as MemoryMembershipStore
from streamseg.store.memory.model_store import MemoryModelStore as MemoryModelStore
from streamseg.store.memory.state_store import MemoryStateStore as MemoryStateStore
from streamseg.store.memory.ticket_store import MemoryTicketStore as MemoryTicketStore
from streamseg.store.memory.webhook_store import MemoryWebhookStore as MemoryWebhookStore
from streamseg.store.memory.worker_reports import MemoryWorkerReports as MemoryWorkerReports
