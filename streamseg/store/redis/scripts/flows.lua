-- Return the hashes of a partition's moves whose day is not before the given one, each as fields and values.
--
-- KEYS  the hashes of all places in the ring of days
-- ARGV  first day

local found = {}
for k = 1, #KEYS do
  local day = redis.call('HGET', KEYS[k], 'day')
  if day and tonumber(day) >= tonumber(ARGV[1]) then
    found[#found + 1] = redis.call('HGETALL', KEYS[k])
  end
end
return found
