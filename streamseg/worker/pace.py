"""Every wait and interval of a worker."""

from dataclasses import dataclass

from streamseg.ports import FLUSH_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Waits and intervals, in seconds of wall time, and the size of a sweep's pieces. Tests use smaller ones."""

    retry: float = 0.25
    """Before a server that did not answer is asked again."""
    start_limit: float = 15.0
    """How long a start waits for the store; Kafka's admin client waits as long."""
    idle: float = 0.2
    """How long a partition waits for a run before it does other work."""
    sweep_idle: float = 0.002
    """The same between two pieces of a sweep."""
    sweep_idle_between: float = 0.02
    """The same while events come."""
    quiet: float = 0.5
    """Without a run for so long, no events come."""
    due_pause: float = 1.0
    """Between two questions for customers whose look is due."""
    sweep_pause: float = 1.0
    """Between two sweeps, for event clocks that run much faster than wall time."""
    sweep_piece: int = FLUSH_ROWS
    """Rows that a sweep evaluates at once while no events come, or of who is due: as many as one flush writes."""
    sweep_piece_between: int = 100
    """The same between runs of events: every partition's events wait for every partition's piece."""
    health_check: float = 2.0
    """Between two checks that the lease holds and that no run is missing."""
    standstill: float = 20.0
    """How long a newer owner may make no progress before its lease is claimed back.

    Longer than Kafka needs to notice a dead worker (profile `fast`) and to assign its partitions.
    """
    outbox_trim: float = 2.0
    """Between two trims of a partition's outbox."""
    relay_idle: float = 2.0
    """How long a relay waits for a flush before it looks whether a node failed over, and trims the outbox."""
    kept_retry: float = 1.0
    """Before strings of nodes that are away are tried again."""
    change_topic_end: float = 10.0
    """Between two looks at the end of the change topic: how much of it a new owner reads, in time."""
    model_poll: float = 0.5
    """Between two looks for a newer model."""
    catalogue_refresh: float = 2.0
    """Between two updates of sizes and names in the segment catalogue."""
    trainer_idle: float = 1.0
    """How long the trainer waits for a run of samples before it does other work."""
    trainer_retry: float = 1.0
    """Before the trainer starts over after an error."""
    maps: float = 60.0
    """Between two maps of the customers."""
    snapshot: float = 10.0
    """Between two snapshots without a challenge: what a killed trainer can lose at most."""
    warm_up_log: float = 3600.0
    """Between two log lines about what a first model waits for."""
    gauges: float = 2.0
    """Between two updates of the gauges."""
    report: float = 5.0
    """Between two reports of the worker about itself, for `streamseg status`."""
    finish: float = 4.0
    """How long a stopping worker waits for its partitions to flush and deliver."""
    commit: float = 1.0
    """How long a stopping worker waits for its last commit."""
    leave: float = 1.25
    """How long a stopping worker waits to leave the group. With `finish` and `close` it stays within 10 s."""
    close: float = 0.75
    """How long a stopping worker waits for its clients to close, all together."""

    def rest(self, *, events_come: bool) -> float:
        """Return how long a partition waits for a run between two pieces of a sweep, in seconds."""
        return self.sweep_idle_between if events_come else self.sweep_idle

    def piece(self, *, events_come: bool) -> int:
        """Return how many rows to look at between two runs."""
        return self.sweep_piece_between if events_come else self.sweep_piece


PRODUCTION = Pace()
