-- Make a worker the owner of a partition.
--
-- KEYS  metadata
-- ARGV  owner, layout, now (epoch milliseconds), then the layouts that the owner can read
--
-- Returns the metadata's fields, or the stored layout if the owner cannot read it.

local stored = redis.call('HMGET', KEYS[1], 'epoch', 'layout')
local known = not stored[2] or stored[2] == ARGV[2]
for a = 4, #ARGV do
  known = known or stored[2] == ARGV[a]
end
if not known then
  return stored[2]
end

local epoch = math.max((tonumber(stored[1]) or 0) + 1, tonumber(ARGV[3]))
-- Lua would write a number of this size as 1.79e+12.
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'owner', ARGV[1], 'layout', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'flush', 1)
return redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'flush', 'checkpoint', 'topics', 'layout', 'sizes', 'gathered')
