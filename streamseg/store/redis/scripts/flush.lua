-- One fenced write of a partition: all of it or nothing.
--
-- KEYS  head, outbox, then the row hashes that are touched
-- ARGV  owner, flush number, checkpoint ('' keeps it), sizes ('' keeps them),
--       the outbox entries packed into one ('' when there are none),
--       and per row hash: how many ids and rows to set, how many ids to remove, ids and rows, ids
--
-- Returns the position of the outbox entries, nil without any, or {owner, flush number} as they stand when
-- they are not the given ones.

local stored = redis.call('HMGET', KEYS[1], 'owner', 'flush')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then
  return {stored[1] or '', stored[2] or ''}
end

-- A full, read-only or detached server refuses the first write of a script, though not every kind: HDEL is let through
-- when memory is short. So the first one is of the strict kind and changes nothing.
redis.call('HSET', KEYS[1], 'owner', ARGV[1])

local position = false
if ARGV[5] ~= '' then
  position = redis.call('XADD', KEYS[2], '*', 'entries', ARGV[5])
end

local at = 6
for k = 3, #KEYS do
  local set, removed = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  if set > 0 then
    redis.call('HSET', KEYS[k], unpack(ARGV, at, at + set - 1))
    at = at + set
  end
  if removed > 0 then
    redis.call('HDEL', KEYS[k], unpack(ARGV, at, at + removed - 1))
    at = at + removed
  end
end

-- Last, so that nothing above can fail once the checkpoint has moved.
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'sizes', ARGV[4])
end
redis.call('HINCRBY', KEYS[1], 'flush', 1)
return position
