-- Become the owner of a partition.
--
-- KEYS  head
-- ARGV  owner, layout, now in milliseconds, and the layouts that this one may follow
--
-- Returns the head's fields, or the stored layout when it is none of them.

local stored = redis.call('HMGET', KEYS[1], 'epoch', 'layout')
local known = not stored[2] or stored[2] == ARGV[2]
for a = 4, #ARGV do
  known = known or stored[2] == ARGV[a]
end
if not known then
  return stored[2]
end

local epoch = math.max((tonumber(stored[1]) or 0) + 1, tonumber(ARGV[3]))
-- A Lua number of this size would be written as 1.79e+12.
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'owner', ARGV[1], 'layout', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'flush', 1)
return redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'flush', 'checkpoint', 'topics', 'layout', 'sizes', 'gathered')
