-- core/lease.py in Lua: one message of a holder, done atomically. Both are run side by side by the tests.
--
-- KEYS[1]  the books: fields born, now, clock, closed; "w:NAME" a window as [limit, levels, shares]
-- KEYS[2]  the members: a field each, [seen, number, reply]
-- ARGV[1]  the message (core.lease.Hello, MessagePack)      ARGV[2]  the time, for tests; empty: this server's
-- ARGV[3..7]  quantum, member, forget, grace and young, in milliseconds
-- Returns core.lease.Reply as MessagePack.

local hello = cmsgpack.unpack(ARGV[1])
local holder, number, born, told, passed = hello[1], hello[2], hello[3], hello[4], hello[5]
local patience, doubts, horizon, lease = hello[6], hello[7], hello[8], hello[9]
local returning, leaving, asks = hello[10], hello[11], hello[12]
local QUANTUM, MEMBER, FORGET, GRACE = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local YOUNG, KEEP_MS = tonumber(ARGV[7]), 600000

local function up(time) return math.ceil(time / QUANTUM) * QUANTUM end

-- members
local members, flat = {}, redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do members[flat[i]] = cmsgpack.unpack(flat[i + 1]) end
local known = members[holder]
if known and known[3] and known[2] == number then return cmsgpack.pack(known[3]) end

-- time
local clock = tonumber(ARGV[2])
if not clock then
  local time = redis.call('TIME')
  clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local state = redis.call('HMGET', KEYS[1], 'born', 'now', 'clock', 'closed')
local books = { born = tonumber(state[1]), now = tonumber(state[2]), clock = tonumber(state[3]),
                closed = tonumber(state[4]) or 0 }
if not books.born then
  books.born = math.max(1, clock)
  books.now, books.clock = books.born, clock
end
local now, sure = books.now + math.max(0, clock - books.clock), true
local least = told + passed
if born == books.born and now > least + patience then
  if doubts == 0 then
    now, sure = books.now, false
  else
    now = math.max(books.now, least)
  end
end
if sure then books.clock, books.now = clock, now end
if returning and books.closed <= now - GRACE then
  books.closed = math.max(now + GRACE, books.born + YOUNG)
end

-- who is there
for name, member in pairs(members) do
  if member[1] <= now - FORGET then
    members[name] = nil
    redis.call('HDEL', KEYS[2], name)
  end
end
if leaving then
  members[holder] = nil
  redis.call('HDEL', KEYS[2], holder)
else
  members[holder] = { now, number }
end
local alive, holders, rank = {}, 0, 0
for name, member in pairs(members) do
  if member[1] > now - MEMBER then
    alive[name] = true
    holders = holders + 1
    if name < holder then rank = rank + 1 end
  end
end

local function times(levels)
  local found = {}
  for at in pairs(levels) do found[#found + 1] = at end
  table.sort(found)
  return found
end

local function put(levels, at, units)
  if units > 0 then levels[at] = (levels[at] or 0) + units end
end

local function take(levels, at, units)
  if units > 0 then
    local left = levels[at] - units
    levels[at] = left > 0 and left or nil
  end
end

local function move(levels, moves, span)
  for _, one in ipairs(moves) do
    local before, after, units = one[1], one[2], one[3]
    local found = before > 0 and math.min(units, levels[before] or 0) or 0
    take(levels, before, found)
    local used = after > now and units - found or 0
    if used > 0 then
      for _, at in ipairs(times(levels)) do
        if at > after - span or used == 0 then break end
        local part = math.min(used, levels[at])
        take(levels, at, part)
        used, found = used - part, found + part
      end
    end
    put(levels, after > now and after or 0, found + used)
  end
end

local function resize(levels, window, after)
  local limit
  for _, share in pairs(window.shares) do limit = math.min(limit or share[3], share[3]) end
  local more = limit - window.limit
  window.limit = limit
  put(levels, after, more)
  if more < 0 then
    for _, at in ipairs(times(levels)) do
      local part = math.min(-more, levels[at])
      take(levels, at, part)
      more = more + part
    end
  end
  local surplus = -limit
  for _, units in pairs(levels) do surplus = surplus + units end
  if surplus > 0 then take(levels, 0, math.min(surplus, levels[0] or 0)) end
end

local function due(window, there)
  local whole, weights, mine = there, 0, window.shares[holder]
  for _, share in pairs(window.shares) do whole, weights = whole + share[2], weights + share[1] end
  return math.max(0, math.min(there, math.ceil(whole * mine[1] / weights) - mine[2]))
end

local function leased(levels, soon, wanted, span)
  local order, found, slices = {}, {}, {}
  for _, one in ipairs(soon) do
    local at, part = one[1], math.min(wanted, one[2])
    if part <= 0 then break end
    take(levels, at, part)
    local since = math.max(now, at)
    if not found[since] then order[#order + 1] = since end
    found[since] = (found[since] or 0) + part
    wanted = wanted - part
  end
  for _, since in ipairs(order) do
    local free_at = up(since + lease + span)
    slices[#slices + 1] = { since, free_at, found[since] }
    put(levels, free_at, found[since])
  end
  return slices
end

local function serve(ask)
  local name, limit, span, moves, want, held, weight = ask[1], ask[2], ask[3], ask[4], ask[5], ask[6], ask[7]
  local field = 'w:' .. name
  local stored, window, levels = redis.call('HGET', KEYS[1], field), { limit = limit, shares = {} }, {}
  if stored then
    local read = cmsgpack.unpack(stored)
    window.limit = read[1]
    for i = 1, #read[2], 2 do put(levels, read[2][i] > now and read[2][i] or 0, read[2][i + 1]) end
    for i = 1, #read[3], 4 do
      local other = read[3][i]
      if alive[other] and other ~= holder then
        window.shares[other] = { read[3][i + 1], read[3][i + 2], read[3][i + 3] }
      end
    end
  else
    put(levels, 0, limit)
  end
  move(levels, moves, span)
  local slices = {}
  if not leaving then
    window.shares[holder] = { math.max(1, weight), held, limit }
    resize(levels, window, up(now + span))
    local soon, there, surplus = {}, 0, -window.limit
    for _, units in pairs(levels) do surplus = surplus + units end
    for _, at in ipairs(times(levels)) do
      if at > now + horizon then break end
      local part = math.max(0, math.min(surplus, levels[at]))
      surplus = surplus - part
      if levels[at] > part then
        soon[#soon + 1] = { at, levels[at] - part }
        there = there + levels[at] - part
      end
    end
    local wanted = now < books.closed and 0 or math.min(want, due(window, there))
    slices = leased(levels, soon, wanted, span)
    for _, one in ipairs(slices) do window.shares[holder][2] = window.shares[holder][2] + one[3] end
  end
  local write = { window.limit, {}, {} }
  for _, at in ipairs(times(levels)) do
    table.insert(write[2], at)
    table.insert(write[2], levels[at])
  end
  for other, share in pairs(window.shares) do
    for _, value in ipairs({ other, share[1], share[2], share[3] }) do table.insert(write[3], value) end
  end
  redis.call('HSET', KEYS[1], field, cmsgpack.pack(write))
  return levels[0] or 0, slices
end

local spare, slices = {}, {}
for i, ask in ipairs(asks) do spare[i], slices[i] = serve(ask) end
local reply = { books.born, now, sure, holders, rank, books.closed, spare, slices }
redis.call('HSET', KEYS[1], 'born', books.born, 'now', books.now, 'clock', books.clock, 'closed', books.closed)
redis.call('PEXPIRE', KEYS[1], KEEP_MS)
if not leaving then
  redis.call('HSET', KEYS[2], holder, cmsgpack.pack({ now, number, reply }))
  redis.call('PEXPIRE', KEYS[2], KEEP_MS)
end
return cmsgpack.pack(reply)
