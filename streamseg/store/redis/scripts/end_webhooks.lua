-- End a subscription and park its waiting deliveries, unless its URL or secret was changed.
--
-- KEYS  subscribers, due, parked
-- ARGV  subscriber id, its URL and secret as they were, JSON of the ended subscriber
--
-- Returns whether it was ended.

local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then
  return 0
end
local subscriber = cjson.decode(stored)
if subscriber.url ~= ARGV[2] or subscriber.secret ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('ZUNIONSTORE', KEYS[3], 2, KEYS[3], KEYS[2])
redis.call('DEL', KEYS[2])
return 1
