-- Take the deliveries of a subscriber that are due longest, and make them due again at the end of a lease.
--
-- KEYS  bodies, due
-- ARGV  now, end of the lease (epoch seconds), maximum count
--
-- Returns the deliveries.

local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
local deliveries = {}
for _, id in ipairs(ids) do
  local delivery = redis.call('HGET', KEYS[1], id)
  if delivery then
    redis.call('ZADD', KEYS[2], ARGV[2], id)
    deliveries[#deliveries + 1] = delivery
  else
    redis.call('ZREM', KEYS[2], id)
  end
end
return deliveries
