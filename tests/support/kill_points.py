"""Where a worker of one partition can be killed: a filled log, and every call until it is worked off."""

from tests.support.gate import Gate, Point
from tests.support.partition import RUN, SNAPSHOT, OnePartition, Servers, fill, until


async def filled_servers(events: int, customers: int = 6) -> Servers:
    """A published model, and the events of `fill` in the log."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, events, customers)
    return made


async def calls_until_done(servers: Servers, run: int = RUN) -> list[Point]:
    """Every call of an undisturbed worker, before and after."""
    gate = Gate()
    worker = OnePartition(servers, "first", gate, run)
    await worker.begin()
    await until(lambda: worker.is_done)
    passed = list(gate.passed)
    await worker.close()
    return passed
