-- Read rows from several hashes.
--
-- KEYS  row hashes
-- ARGV  per row hash: count of ids, the ids
--
-- Returns the rows in that order as one flat list; nil for an id without a row.

local rows = {}
local at, n = 1, 0
for k = 1, #KEYS do
  local count = tonumber(ARGV[at])
  local found = redis.call('HMGET', KEYS[k], unpack(ARGV, at + 1, at + count))
  for i = 1, count do
    rows[n + i] = found[i]
  end
  n = n + count
  at = at + count + 1
end
return rows
