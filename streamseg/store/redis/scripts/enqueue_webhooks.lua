-- Queue deliveries of one subscriber, and drop what is above its limit.
--
-- KEYS  subscribers, counts of dropped deliveries, then of the subscriber: bodies, due, parked, order, ids
-- ARGV  subscriber id, due time (epoch seconds), most deliveries to keep, then per delivery: message id, body, drop rank
--
-- Deliveries that are there already stay as they are. The lowest ranks are dropped first. Returns the number dropped.

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
for a = 4, #ARGV, 3 do
  local id = ARGV[a]
  if redis.call('HSETNX', KEYS[3], id, ARGV[a + 1]) == 1 then
    redis.call('ZADD', KEYS[4], ARGV[2], id)
    redis.call('ZADD', KEYS[6], ARGV[a + 2], id)
    redis.call('ZADD', KEYS[7], 0, id)
  end
end
local surplus = redis.call('HLEN', KEYS[3]) - tonumber(ARGV[3])
if surplus <= 0 then
  return 0
end
local popped = redis.call('ZPOPMIN', KEYS[6], surplus)
for p = 1, #popped, 2 do
  local id = popped[p]
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('ZREM', KEYS[5], id)
  redis.call('ZREM', KEYS[7], id)
end
redis.call('HINCRBY', KEYS[2], ARGV[1], #popped / 2)
return #popped / 2
