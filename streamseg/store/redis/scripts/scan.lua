-- One piece of the list of a partition's rows, across hashes, so that small partitions do not take 64 calls.
--
-- KEYS  all row hashes
-- ARGV  the hash to go on with (from 0), the cursor in it, how many rows are wanted (about)
--
-- Returns the hash and cursor to go on with (#KEYS and '0' at the end), then ids and rows in turn.

local k, cursor, wanted = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local found = {}
while k < #KEYS and #found < 2 * wanted do
  local piece = redis.call('HSCAN', KEYS[k + 1], cursor, 'COUNT', wanted - math.floor(#found / 2))
  cursor = piece[1]
  for i = 1, #piece[2] do
    found[#found + 1] = piece[2][i]
  end
  if cursor == '0' then
    k = k + 1
  end
end
return {k, cursor, found}
