-- Write a partition's flush, all or nothing, if owner and flush number match.
--
-- KEYS  metadata, outbox, flows of the day, due looks, then the row hashes to write
-- ARGV  owner, flush number, checkpoint ('' keeps it), sizes ('' keeps them),
--       outbox entries packed into one string ('' for none),
--       day of the flows, count of what follows of them (0 for none), field and customers of each flow,
--       count of what follows of due looks, time and id of each; count of ids without one, these ids,
--       then per row hash: count of ids and rows to set, count of ids to delete, ids and rows to set, ids to delete
--
-- Returns the position of the outbox entries, nil without any, or the stored {owner, flush number} if they differ.

local stored = redis.call('HMGET', KEYS[1], 'owner', 'flush')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then
  return {stored[1] or '', stored[2] or ''}
end

-- A full, read-only or detached server refuses a script at its first write, but when memory is full only at a write
-- that may grow (HDEL passes). So the first write is an HSET that changes nothing.
redis.call('HSET', KEYS[1], 'owner', ARGV[1])

local position = false
if ARGV[5] ~= '' then
  position = redis.call('XADD', KEYS[2], '*', 'entries', ARGV[5])
end

local at = 8
local flows_end = at + tonumber(ARGV[7])
if at < flows_end then
  -- The day's place in the ring may hold a day 400 or more days ago, or, if the clock was wrong once, a later one.
  local day, kept = tonumber(ARGV[6]), tonumber(redis.call('HGET', KEYS[3], 'day') or -1)
  if kept < day then
    redis.call('DEL', KEYS[3])
    redis.call('HSET', KEYS[3], 'day', ARGV[6])
  end
  if kept <= day then
    for f = at, flows_end - 1, 2 do
      redis.call('HINCRBY', KEYS[3], ARGV[f], ARGV[f + 1])
    end
  end
  at = flows_end
end

local due = tonumber(ARGV[at])
at = at + 1
if due > 0 then
  redis.call('ZADD', KEYS[4], unpack(ARGV, at, at + due - 1))
  at = at + due
end
local done = tonumber(ARGV[at])
at = at + 1
if done > 0 then
  redis.call('ZREM', KEYS[4], unpack(ARGV, at, at + done - 1))
  at = at + done
end

for k = 5, #KEYS do
  local set, deleted = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  if set > 0 then
    redis.call('HSET', KEYS[k], unpack(ARGV, at, at + set - 1))
    at = at + set
  end
  if deleted > 0 then
    redis.call('HDEL', KEYS[k], unpack(ARGV, at, at + deleted - 1))
    at = at + deleted
  end
end

-- Last, so that nothing can fail after the checkpoint has moved.
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'sizes', ARGV[4])
end
redis.call('HINCRBY', KEYS[1], 'flush', 1)
return position
