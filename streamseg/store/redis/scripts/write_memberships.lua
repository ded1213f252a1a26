-- Set or delete membership strings, each only if it is newer than what stands.
--
-- KEYS  per entry: the membership string, the mark of its deletion
-- ARGV  how long a mark stays, in seconds; 1 to leave one even where nothing stood;
--       per entry: epoch, seq, TTL in seconds, the string ('' deletes)
--
-- While a string stands it orders the writes by its own epoch and seq, and no mark is asked for.

for k = 1, #KEYS, 2 do
  local at = 2 * k + 1
  local epoch, seq = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local string_key, mark_key, membership = KEYS[k], KEYS[k + 1], ARGV[at + 3]

  local stored = redis.call('GET', string_key)
  local stood_epoch, stood_seq
  if stored then
    stood_epoch, stood_seq = string.match(stored, '","epoch":(%d+),"seq":(%d+),')
  else
    local mark = redis.call('GET', mark_key)
    if mark then
      stood_epoch, stood_seq = string.match(mark, '^(%d+):(%d+)$')
    end
  end
  stood_epoch, stood_seq = tonumber(stood_epoch) or -1, tonumber(stood_seq) or -1

  if epoch > stood_epoch or (epoch == stood_epoch and seq > stood_seq) then
    if membership == '' then
      if ARGV[2] == '1' or stood_epoch >= 0 then
        redis.call('SET', mark_key, ARGV[at] .. ':' .. ARGV[at + 1], 'EX', ARGV[1])
      end
      redis.call('DEL', string_key)
    else
      redis.call('SET', string_key, membership, 'EX', ARGV[at + 2])
    end
    redis.call('PUBLISH', string_key, '') -- for open event streams and clients' caches
  end
end
