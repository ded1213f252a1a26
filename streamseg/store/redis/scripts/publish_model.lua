-- Store a snapshot over its parent only, so that a frozen trainer cannot fork the line.
--
-- KEYS  model
-- ARGV  version, parent (0: none), snapshot
--
-- Returns 1 when it was stored, else 0.

if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'snapshot', ARGV[3])
return 1
