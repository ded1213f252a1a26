-- Set or delete membership strings, each only if it is newer than what stands.
--
-- KEYS  per entry: the membership string, the mark of its deletion
-- ARGV  how long a mark stays, in seconds; 1 to leave one even where nothing stood; the epoch of all entries;
--       their TTL in seconds; the seqs and the lengths of the strings (0 deletes), packed; the strings end to end
--
-- While a string stands it orders the writes by its own epoch and seq, and no mark is asked for.

local epoch = tonumber(ARGV[3])
local stood_epoch, stood_seq = {}, {} -- by string, as of the entry that is looked at

local strings = {}
for k = 1, #KEYS, 2 do
  strings[#strings + 1] = KEYS[k]
end
local bare, marks = {}, {}
for i, stored in ipairs(redis.call('MGET', unpack(strings))) do
  if stored then
    local at_epoch, at_seq = string.match(stored, '","epoch":(%d+),"seq":(%d+),')
    stood_epoch[strings[i]], stood_seq[strings[i]] = tonumber(at_epoch), tonumber(at_seq)
  else
    bare[#bare + 1] = strings[i]
    marks[#marks + 1] = KEYS[2 * i]
  end
end
if #marks > 0 then
  for i, mark in ipairs(redis.call('MGET', unpack(marks))) do
    if mark then
      local at_epoch, at_seq = string.match(mark, '^(%d+):(%d+)$')
      stood_epoch[bare[i]], stood_seq[bare[i]] = tonumber(at_epoch), tonumber(at_seq)
    end
  end
end

local told = cmsgpack.unpack(ARGV[5])
local seqs, lengths, at = told[1], told[2], 1
for i, string_key in ipairs(strings) do
  local seq = seqs[i]
  local before = stood_epoch[string_key] or -1
  if epoch > before or (epoch == before and seq > (stood_seq[string_key] or -1)) then
    if lengths[i] == 0 then
      if ARGV[2] == '1' or before >= 0 then
        redis.call('SET', KEYS[2 * i], ARGV[3] .. ':' .. string.format('%d', seq), 'EX', ARGV[1])
      end
      redis.call('DEL', string_key)
    else
      redis.call('SET', string_key, string.sub(ARGV[6], at, at + lengths[i] - 1), 'EX', ARGV[4])
    end
    redis.call('PUBLISH', string_key, '') -- for open event streams and clients' caches
    stood_epoch[string_key], stood_seq[string_key] = epoch, seq
  end
  at = at + lengths[i]
end
