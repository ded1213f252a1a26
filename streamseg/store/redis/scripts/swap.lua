-- Replace a partition's live rows by the staged ones.
--
-- KEYS  metadata, then each live row hash followed by its staged one
-- ARGV  layout, checkpoint, topics, sizes, gathered ('1' or '')

for k = 2, #KEYS, 2 do
  redis.call('UNLINK', KEYS[k])
  if redis.call('EXISTS', KEYS[k + 1]) == 1 then
    redis.call('RENAME', KEYS[k + 1], KEYS[k])
  end
end
redis.call('HSETNX', KEYS[1], 'epoch', '0')
redis.call(
  'HSET', KEYS[1], 'owner', '', 'layout', ARGV[1], 'checkpoint', ARGV[2], 'topics', ARGV[3], 'sizes', ARGV[4],
  'gathered', ARGV[5]
)
redis.call('HINCRBY', KEYS[1], 'flush', 1)
redis.call('HDEL', KEYS[1], 'delivered')
return nil
