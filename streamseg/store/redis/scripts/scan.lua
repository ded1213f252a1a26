-- List some of a partition's rows, across hashes, so that a small partition does not take 64 calls.
--
-- KEYS  all row hashes
-- ARGV  hash to continue with (from 0), HSCAN cursor in it, number of rows wanted (approximate)
--
-- Returns the hash and cursor to continue with (#KEYS and '0' at the end), then ids and rows alternating.

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
