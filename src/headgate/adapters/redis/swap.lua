-- Writes values in the place of others, all of them or none, if nobody has changed any of them meanwhile.
-- KEYS: theirs. ARGV: seconds to live; then for each key what it held (nothing: an empty text), and what it shall.
for place, key in ipairs(KEYS) do
    if (redis.call('GET', key) or '') ~= ARGV[2 * place] then
        return 0
    end
end
for place, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[2 * place + 1], 'EX', ARGV[1])
end
return 1
