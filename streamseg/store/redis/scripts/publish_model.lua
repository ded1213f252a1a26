-- Store a snapshot only over its parent, so that a trainer that was frozen cannot fork the lineage.
--
-- KEYS  model
-- ARGV  version, parent (0: none), snapshot
--
-- Returns 1 if it was stored, else 0.

if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'snapshot', ARGV[3])
return 1
