package streamseg.peer;

import java.io.IOException;
import java.time.DateTimeException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Adds each click to its customer; gives the row and membership to write, and changes on the side. */
final class TakeClicks
        extends KeyedProcessFunction<String, Tuple2<String, byte[]>, Tuple3<String, byte[], byte[]>> {
    static final OutputTag<Tuple2<String, byte[]>> CHANGES =
            new OutputTag<>("changes", Types.TUPLE(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE)));
    private static final long serialVersionUID = 1L;
    private static final byte[] NOTHING = {};

    private final Arguments arguments;
    private transient Work work;
    private transient ClickReader reader;
    private transient CustomerBytes bytes;
    private transient ValueState<Customer> customers;

    TakeClicks(Arguments arguments) {
        this.arguments = arguments;
    }

    @Override
    public void open(OpenContext context) throws IOException {
        work = new Work(arguments.model());
        reader = new ClickReader();
        bytes = new CustomerBytes();
        customers = getRuntimeContext().getState(new ValueStateDescriptor<>("customer", new CustomerSerializer()));
    }

    @Override
    public void processElement(Tuple2<String, byte[]> record, Context context, Collector<Tuple3<String, byte[], byte[]>> out)
            throws IOException {
        Click click;
        double at;
        try {
            click = reader.read(record.f1);
            at = ClickReader.secondsOf(click);
        } catch (IOException | DateTimeException invalid) {
            System.err.println("invalid click: " + invalid.getMessage());
            return;
        }
        Customer stored = customers.value();
        Customer customer = stored == null ? new Customer() : stored;
        Work.Outcome outcome = work.take(customer, click, at, System.currentTimeMillis() / 1000.0);
        if (outcome == null) {
            out.collect(Tuple3.of(record.f0, NOTHING, NOTHING));
            return;
        }
        customers.update(customer);
        byte[] membership = outcome.membership() == null ? NOTHING : outcome.membership();
        out.collect(Tuple3.of(record.f0, bytes.write(customer), membership));
        if (outcome.change() != null) {
            context.output(CHANGES, Tuple2.of(record.f0, outcome.change()));
        }
    }
}
