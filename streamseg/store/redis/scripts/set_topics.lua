-- Store topic ids and partition counts, if the owner matches.
--
-- KEYS  metadata
-- ARGV  owner, topics
--
-- Returns nil, or the stored {owner} if it differs.

local owner = redis.call('HGET', KEYS[1], 'owner')
if owner ~= ARGV[1] then
  return {owner or ''}
end
redis.call('HSET', KEYS[1], 'topics', ARGV[2])
return nil
