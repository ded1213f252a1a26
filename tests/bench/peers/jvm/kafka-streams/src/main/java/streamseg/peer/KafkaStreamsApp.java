package streamseg.peer;

import java.io.IOException;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;

/** The same work as a Kafka Streams application: one stream, one processor, one store with a changelog. */
public final class KafkaStreamsApp {
    static final String CUSTOMERS = "customers";
    private static final long CACHE_BYTES = 64L << 20;

    private KafkaStreamsApp() {}

    /** Runs until killed. */
    public static void main(String[] given) throws IOException, InterruptedException {
        Arguments arguments = Arguments.of(given);
        KafkaStreams streams = new KafkaStreams(topology(arguments), settings(arguments));
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                stopped.countDown();
            }
        });
        streams.start();
        stopped.await();
        System.exit(1);
    }

    private static Topology topology(Arguments arguments) throws IOException {
        Model model = arguments.model();
        KeyValueBytesStoreSupplier store = arguments.store().equals("rocksdb")
                ? Stores.persistentKeyValueStore(CUSTOMERS)
                : Stores.inMemoryKeyValueStore(CUSTOMERS);
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(store, Serdes.String(), Serdes.ByteArray())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of()));
        builder.stream(arguments.topic(), Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .process(() -> new TakeClicks(new Work(model), arguments.output()), CUSTOMERS)
                .to(arguments.memberships(), Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder.build();
    }

    private static Properties settings(Arguments arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments.group());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments.bootstrap());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments.folder());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        // The processor commits itself, right after a flush: nothing is committed that is not in Redis.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.MAX_VALUE);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // A static member, as advised for restarts: it gets its partitions back without waiting for a session timeout.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "peer");
        return settings;
    }
}
