-- Delete deliveries of a subscriber that were parked long ago.
--
-- KEYS  bodies, due, parked, order, ids
-- ARGV  when they were parked at the latest (a bound of ZRANGEBYSCORE), maximum count
--
-- Returns how many were deleted.

local ids = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ids > 0 then
  redis.call('HDEL', KEYS[1], unpack(ids))
  for k = 2, 5 do
    redis.call('ZREM', KEYS[k], unpack(ids))
  end
end
return #ids
