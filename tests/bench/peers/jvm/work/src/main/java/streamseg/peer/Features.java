package streamseg.peer;

/** The features of the segmentation `behaviour`, in the order of its settings. */
final class Features {
    static final int COUNT = 14;

    private static final double RECENCY_CAP_DAYS = 365.0;
    private static final double PRIOR_WEIGHT = 4.0;
    private static final double HALF_LIFE_DAYS = Customer.HALF_LIFE_SECONDS / Customer.DAY_SECONDS;
    /** 1970-01-01 was a Thursday; counted from Monday. */
    private static final int FIRST_WEEKDAY = 3;
    private static final int SATURDAY = 5;
    private static final int WEEK = 7;
    private static final double[] DAY_WEIGHTS = new double[Customer.WINDOW];

    static {
        for (int day = 0; day < DAY_WEIGHTS.length; day++) {
            DAY_WEIGHTS[day] = Math.pow(2.0, -day / HALF_LIFE_DAYS);
        }
    }

    private Features() {}

    /** Writes the customer's features at {@code now} into {@code values}, shape (14). */
    static void fill(double[] values, Customer customer, double now) {
        double[] sums = customer.sums;
        double age = Math.max(0.0, now - customer.lastSeen);
        double habit = Customer.weight(age, Customer.HALF_LIFE_SECONDS);
        double views = sums[Sums.VIEWS] * habit;
        double carts = sums[Sums.CARTS] * habit;
        double purchases = sums[Sums.PURCHASES] * habit;
        double lines = sums[Sums.LINES_BOUGHT] * habit;
        values[0] = RECENCY_CAP_DAYS;
        values[1] = Math.min(age / Customer.DAY_SECONDS, RECENCY_CAP_DAYS);
        values[2] = views;
        values[3] = purchases;
        values[4] = sums[Sums.SESSIONS] * habit;
        values[5] = sums[Sums.SPEND] * habit;
        values[6] = level(sums[Sums.ORDER_LOG] * habit, purchases, 60.0);
        values[7] = (sums[Sums.ITEMS] * habit + 1.0) / (purchases + 1.0);
        values[8] = share(carts, views, 0.1);
        values[9] = share(purchases, carts, 0.3);
        values[10] = level(sums[Sums.PRICE_BROWSED] * habit, sums[Sums.LINES_BROWSED] * habit, 30.0);
        values[11] = level(sums[Sums.PRICE_BOUGHT] * habit, lines, 30.0);
        values[12] = share(sums[Sums.DISCOUNT] * habit, lines, 0.05);
        values[13] = weekendShare(customer, now);
    }

    private static double share(double part, double whole, double prior) {
        return Math.min((part + PRIOR_WEIGHT * prior) / (whole + PRIOR_WEIGHT), 1.0);
    }

    private static double level(double logs, double count, double prior) {
        return Math.expm1((logs + Math.log1p(prior)) / (count + 1.0));
    }

    private static double weekendShare(Customer customer, double now) {
        long today = Math.floorDiv((long) now, (long) Customer.DAY_SECONDS);
        double all = 0.0;
        double weekend = 0.0;
        for (long days : customer.visits) {
            for (long left = days; left != 0; left &= left - 1) {
                int ago = Long.numberOfTrailingZeros(left);
                all += DAY_WEIGHTS[ago];
                if (Math.floorMod(customer.visitedDay - ago + FIRST_WEEKDAY, WEEK) >= SATURDAY) {
                    weekend += DAY_WEIGHTS[ago];
                }
            }
        }
        long passed = today - customer.visitedDay;
        double decayed = passed == 0 ? 1.0 : Math.pow(2.0, -passed / HALF_LIFE_DAYS);
        return (weekend * decayed + PRIOR_WEIGHT * 2 / 7) / (all * decayed + PRIOR_WEIGHT);
    }
}
