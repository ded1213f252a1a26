package streamseg.peer;

import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Adds each click to its customer in the store, forwards changes, and writes rows and memberships to Redis. */
final class TakeClicks implements Processor<String, byte[], String, byte[]> {
    private static final Duration BETWEEN_FLUSHES = Duration.ofMillis(20);
    private static final Duration BETWEEN_COMMITS = Duration.ofSeconds(1);

    private final Work work;
    private final RedisOutput output;
    private final ClickReader reader = new ClickReader();
    private final CustomerBytes bytes = new CustomerBytes();
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, byte[]> customers;

    TakeClicks(Work work, RedisOutput output) {
        this.work = work;
        this.output = output;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        customers = given.getStateStore(KafkaStreamsApp.CUSTOMERS);
        given.schedule(BETWEEN_FLUSHES, PunctuationType.WALL_CLOCK_TIME, now -> output.flush());
        given.schedule(BETWEEN_COMMITS, PunctuationType.WALL_CLOCK_TIME, now -> {
            output.flush();
            context.commit();
        });
    }

    @Override
    public void process(Record<String, byte[]> record) {
        Click click;
        double at;
        try {
            click = reader.read(record.value());
            at = ClickReader.secondsOf(click);
        } catch (IOException | DateTimeException invalid) {
            System.err.println("invalid click: " + invalid.getMessage());
            return;
        }
        byte[] stored = customers.get(record.key());
        Customer customer = stored == null ? new Customer() : CustomerBytes.read(stored);
        Work.Outcome outcome = work.take(customer, click, at, System.currentTimeMillis() / 1000.0);
        if (outcome == null) {
            output.add(record.key(), null, null);
            return;
        }
        byte[] row = bytes.write(customer);
        customers.put(record.key(), row);
        output.add(record.key(), row, outcome.membership());
        if (outcome.change() != null) {
            context.forward(record.withValue(outcome.change()));
        }
    }

    @Override
    public void close() {
        output.flush();
        output.close();
    }
}
