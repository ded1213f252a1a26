-- KEYS  head
-- ARGV  owner, topics
--
-- Returns nil, or {owner} as it stands when it is not the given one.

local owner = redis.call('HGET', KEYS[1], 'owner')
if owner ~= ARGV[1] then
  return {owner or ''}
end
redis.call('HSET', KEYS[1], 'topics', ARGV[2])
return nil
