package streamseg.peer;

/** What is kept of one customer. Times are epoch seconds; 0 for none. */
public final class Customer {
    static final double DAY_SECONDS = 86_400.0;
    static final double HALF_LIFE_SECONDS = 30 * DAY_SECONDS;
    static final double RECENT_HALF_LIFE_SECONDS = 7 * DAY_SECONDS;
    static final int REMEMBERED_EVENT_IDS = 8;
    static final int DAY_PARTS = 4;
    /** Days that visits are remembered for: one per bit. */
    static final int WINDOW = 64;

    private static final int PART_SECONDS = (int) DAY_SECONDS / DAY_PARTS;

    long events;
    long transactions;
    long spendMinor;
    double firstSeen;
    double lastSeen;
    final double[] sums = new double[Sums.COUNT];
    /** The latest day with a visit, since 1970-01-01. */
    long visitedDay;
    /** Per part of the day, one bit for each day up to the latest. */
    final long[] visits = new long[DAY_PARTS];
    /** Hashes of the latest event ids, a ring. */
    final long[] eventIds = new long[REMEMBERED_EVENT_IDS];
    String segment = "";
    String candidate = "";
    int streak;
    long since;
    long sequence;
    long publishedAt;
    double score;

    /** Adds a click that occurred at {@code at}. Returns false for a duplicate. */
    public boolean add(Click click, double at) {
        long id = hash(click.eventId());
        for (long known : eventIds) {
            if (known == id) {
                return false;
            }
        }
        boolean first = events == 0;
        double anchor = first ? at : Math.max(lastSeen, at);
        if (!first && anchor > lastSeen) {
            decay(anchor - lastSeen);
        }
        visit(at);
        double late = anchor - at;
        Sums.add(sums, click, weight(late, HALF_LIFE_SECONDS), weight(late, RECENT_HALF_LIFE_SECONDS));
        eventIds[(int) (events % REMEMBERED_EVENT_IDS)] = id;
        events++;
        firstSeen = first ? at : Math.min(firstSeen, at);
        lastSeen = anchor;
        return true;
    }

    static double weight(double seconds, double halfLife) {
        return seconds == 0 ? 1.0 : Math.pow(2.0, -seconds / halfLife);
    }

    private void decay(double seconds) {
        double habit = weight(seconds, HALF_LIFE_SECONDS);
        double recent = weight(seconds, RECENT_HALF_LIFE_SECONDS);
        for (int i = 0; i < Sums.FIRST_RECENT; i++) {
            sums[i] *= habit;
        }
        for (int i = Sums.FIRST_RECENT; i < Sums.COUNT; i++) {
            sums[i] *= recent;
        }
    }

    private void visit(double at) {
        long second = (long) at;
        long day = Math.floorDiv(second, (long) DAY_SECONDS);
        int part = (int) (Math.floorMod(second, (long) DAY_SECONDS) / PART_SECONDS);
        if (day > visitedDay) {
            long passed = day - visitedDay;
            for (int i = 0; i < DAY_PARTS; i++) {
                visits[i] = passed < WINDOW ? visits[i] << passed : 0;
            }
            visitedDay = day;
        }
        if (visitedDay - day < WINDOW) {
            visits[part] |= 1L << (visitedDay - day);
        }
    }

    /** FNV-1a, 64 bits. */
    private static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
