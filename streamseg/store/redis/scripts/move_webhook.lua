-- Make a delivery due, park it, or delete it, unless it was deleted meanwhile.
--
-- KEYS  bodies, due, parked, order, ids
-- ARGV  message id, where to ('due', 'parked', '' deletes), score there (epoch seconds), body ('' keeps it),
--       1 to move it only if it is parked
--
-- Returns whether it was there.

local id = ARGV[1]
if redis.call('HEXISTS', KEYS[1], id) == 0 then
  return 0
end
if ARGV[5] == '1' and not redis.call('ZSCORE', KEYS[3], id) then
  return 0
end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], id)
  for k = 2, 5 do
    redis.call('ZREM', KEYS[k], id)
  end
  return 1
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], id, ARGV[4])
end
local to, from = KEYS[2], KEYS[3]
if ARGV[2] == 'parked' then
  to, from = from, to
end
redis.call('ZADD', to, ARGV[3], id)
redis.call('ZREM', from, id)
return 1
