package streamseg.peer;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Stores a customer as {@link CustomerBytes} does, with its length before it. */
public final class CustomerSerializer extends TypeSerializerSingleton<Customer> {
    private static final long serialVersionUID = 1L;

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public Customer createInstance() {
        return new Customer();
    }

    @Override
    public Customer copy(Customer from) {
        return CustomerBytes.read(new CustomerBytes().write(from));
    }

    @Override
    public Customer copy(Customer from, Customer reuse) {
        return copy(from);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Customer customer, DataOutputView target) throws IOException {
        byte[] written = new CustomerBytes().write(customer);
        target.writeInt(written.length);
        target.write(written);
    }

    @Override
    public Customer deserialize(DataInputView source) throws IOException {
        byte[] stored = new byte[source.readInt()];
        source.readFully(stored);
        return CustomerBytes.read(stored);
    }

    @Override
    public Customer deserialize(Customer reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        int length = source.readInt();
        target.writeInt(length);
        target.write(source, length);
    }

    @Override
    public TypeSerializerSnapshot<Customer> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Needed to restore a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Customer> {
        public Snapshot() {
            super(CustomerSerializer::new);
        }
    }
}
