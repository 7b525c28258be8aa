-- Keeps answers, bounded in bytes. KEYS: answers by identity, identities by last use, how many bytes there are.
-- ARGV: now, the most bytes, seconds after which all may be forgotten, then identity, answer, identity, …
local answers, order, total = KEYS[1], KEYS[2], KEYS[3]
local bytes = tonumber(redis.call('GET', total) or '0')
for at = 4, #ARGV, 2 do
  bytes = bytes - redis.call('HSTRLEN', answers, ARGV[at]) + #ARGV[at + 1]
  redis.call('HSET', answers, ARGV[at], ARGV[at + 1])
  redis.call('ZADD', order, tonumber(ARGV[1]) + at * 1e-6, ARGV[at])
end
while bytes > tonumber(ARGV[2]) do
  local first = redis.call('ZPOPMIN', order)[1]
  if not first then break end
  bytes = bytes - redis.call('HSTRLEN', answers, first)
  redis.call('HDEL', answers, first)
end
redis.call('SET', total, string.format('%.0f', bytes))
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[3]) end
