-- Set or delete membership strings, each only if (epoch, seq) is higher than the stored one.
--
-- KEYS  per entry: the membership string, its deletion mark
-- ARGV  TTL of a mark in seconds; 1 to leave a mark even where nothing was stored; epoch of all entries;
--       TTL of the strings in seconds; PUBLISH, or SPUBLISH on a Cluster; seqs and string lengths (0 deletes),
--       packed; the strings end to end
--
-- Returns the numbers (from 1) of the entries of which a newer epoch is stored.
-- A stored string holds its own epoch and seq; marks are read only where there is no string.

local epoch = tonumber(ARGV[3])
local stored_epoch, stored_seq = {}, {} -- by string, updated as entries are applied
local overtaken = {}

local strings = {}
for k = 1, #KEYS, 2 do
  strings[#strings + 1] = KEYS[k]
end
local missing, marks = {}, {}
for i, stored in ipairs(redis.call('MGET', unpack(strings))) do
  if stored then
    local at_epoch, at_seq = string.match(stored, '","epoch":(%d+),"seq":(%d+),')
    stored_epoch[strings[i]], stored_seq[strings[i]] = tonumber(at_epoch), tonumber(at_seq)
  else
    missing[#missing + 1] = strings[i]
    marks[#marks + 1] = KEYS[2 * i]
  end
end
if #marks > 0 then
  for i, mark in ipairs(redis.call('MGET', unpack(marks))) do
    if mark then
      local at_epoch, at_seq = string.match(mark, '^(%d+):(%d+)$')
      stored_epoch[missing[i]], stored_seq[missing[i]] = tonumber(at_epoch), tonumber(at_seq)
    end
  end
end

local packed = cmsgpack.unpack(ARGV[6])
local seqs, lengths, at = packed[1], packed[2], 1
for i, string_key in ipairs(strings) do
  local seq = seqs[i]
  local before = stored_epoch[string_key] or -1
  if epoch > before or (epoch == before and seq > (stored_seq[string_key] or -1)) then
    if lengths[i] == 0 then
      if ARGV[2] == '1' or before >= 0 then
        redis.call('SET', KEYS[2 * i], ARGV[3] .. ':' .. string.format('%d', seq), 'EX', ARGV[1])
      end
      redis.call('DEL', string_key)
    else
      redis.call('SET', string_key, string.sub(ARGV[7], at, at + lengths[i] - 1), 'EX', ARGV[4])
    end
    -- To open event streams and the caches of clients
    if ARGV[5] == 'SPUBLISH' then
      redis.call('SPUBLISH', string_key, '')
    else
      redis.call('PUBLISH', string_key, '')
    end
    stored_epoch[string_key], stored_seq[string_key] = epoch, seq
  elseif epoch < before then
    overtaken[#overtaken + 1] = i
  end
  at = at + lengths[i]
end
return overtaken
