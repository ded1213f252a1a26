-- Delete the deliveries of a subscriber whose message id begins with a customer's hash and '-'.
--
-- KEYS  bodies, due, parked, order, ids
-- ARGV  hash of the customer id, message id to keep

local ids = redis.call('ZRANGEBYLEX', KEYS[5], '[' .. ARGV[1] .. '-', '(' .. ARGV[1] .. '.')
for _, id in ipairs(ids) do
  if id ~= ARGV[2] then
    redis.call('HDEL', KEYS[1], id)
    for k = 2, 5 do
      redis.call('ZREM', KEYS[k], id)
    end
  end
end
