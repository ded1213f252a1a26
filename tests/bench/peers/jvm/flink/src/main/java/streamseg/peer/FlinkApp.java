package streamseg.peer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/** The same work as a Flink job in a cluster of one process: Kafka source, keyed state, a Redis and a Kafka sink. */
public final class FlinkApp {
    private static final Duration BETWEEN_CHECKPOINTS = Duration.ofSeconds(1);

    private FlinkApp() {}

    /** Runs until killed. */
    public static void main(String[] given) throws Exception {
        Arguments arguments = Arguments.of(given);
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(1, settings(arguments));
        flink.enableCheckpointing(BETWEEN_CHECKPOINTS.toMillis(), CheckpointingMode.EXACTLY_ONCE);
        KafkaSource<Tuple2<String, byte[]>> clicks = KafkaSource.<Tuple2<String, byte[]>>builder()
                .setBootstrapServers(arguments.bootstrap())
                .setTopics(arguments.topic())
                .setGroupId(arguments.group())
                .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
                .setDeserializer(new KeyAndValue())
                .build();
        SingleOutputStreamOperator<Tuple3<String, byte[], byte[]>> kept = flink
                .fromSource(clicks, WatermarkStrategy.noWatermarks(), "clicks")
                .keyBy(click -> click.f0, Types.STRING)
                .process(new TakeClicks(arguments))
                .returns(Types.TUPLE(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE), Types.PRIMITIVE_ARRAY(Types.BYTE)));
        kept.sinkTo(new RedisSink(arguments)).name("redis");
        kept.getSideOutput(TakeClicks.CHANGES).sinkTo(changes(arguments)).name("memberships");
        flink.execute("customers");
    }

    private static KafkaSink<Tuple2<String, byte[]>> changes(Arguments arguments) {
        return KafkaSink.<Tuple2<String, byte[]>>builder()
                .setBootstrapServers(arguments.bootstrap())
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setRecordSerializer(new ChangeRecord(arguments.memberships()))
                .build();
    }

    private static Configuration settings(Arguments arguments) throws IOException {
        Configuration settings = new Configuration();
        settings.set(StateBackendOptions.STATE_BACKEND, arguments.store().equals("rocksdb") ? "rocksdb" : "hashmap");
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, Path.of(arguments.folder()).toUri().toString());
        settings.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        latestCheckpoint(Path.of(arguments.folder()))
                .ifPresent(found -> settings.set(StateRecoveryOptions.SAVEPOINT_PATH, found.toUri().toString()));
        return settings;
    }

    /** The newest complete checkpoint: a cluster of one process has nobody else who would know it after a crash. */
    private static Optional<Path> latestCheckpoint(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> jobs = Files.find(folder, 3, (path, is) -> path.endsWith("_metadata"))) {
            return jobs.max(Comparator.comparingLong(path -> path.toFile().lastModified())).map(Path::getParent);
        }
    }
}
