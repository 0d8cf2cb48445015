-- One bucket of a throttle: all of its limits, decided together, charged or not.
--
-- KEYS[1] is the bucket: `now n n ...`, when it was last written and what each limit holds then.
-- ARGV is what to do, and for each limit its kind and numbers. All are integers up to 2^53, so that
-- Lua's floats hold them exactly; `now` is the server's time in microseconds.
local PEEK, LOOK, SPEND, CHARGE, REFUND = 0, 1, 2, 3, 4
local MOST = 4503599627370496 -- 2^52
local MOST_WINDOW = 4294967295

local at = 1
local function take()
  at = at + 1
  return tonumber(ARGV[at])
end

local act = tonumber(ARGV[1])
local raw = redis.call('GET', KEYS[1])
local held, next_held, elapsed = {}, 1, 0
if raw then
  for word in string.gmatch(raw, '%S+') do
    local number = tonumber(word)
    if not number or number < 0 or number > 9007199254740991 or number % 1 ~= 0 then
      return redis.error_reply('ERR a bucket holds what was not written by this script')
    end
    held[#held + 1] = number
  end
  if #held == 0 then
    return redis.error_reply('ERR a bucket is empty')
  end
  -- A clock that was set back neither refills a bucket nor holds it up: what is left of its time
  -- goes on from here.
  elapsed = math.max(0, now - held[1])
end
local function hold()
  next_held = next_held + 1
  return held[next_held]
end

-- Whether a/b <= c/d, without a product that could leave the integers.
local function at_most(a, b, c, d)
  while true do
    local x, y = math.floor(a / b), math.floor(c / d)
    if x ~= y then return x < y end
    a, c = a - x * b, c - y * d
    if a == 0 then return true end
    if c == 0 then return false end
    a, b, c, d = d, c, b, a
  end
end

-- Each limit: what it holds now, whether it admits, what it would hold, and for how long it says
-- more than a fresh one.
local kinds = {}

-- Rate (GCRA): what is owed, of which `drain` goes each microsecond.
kinds[1] = function()
  local cost, drain, capacity, debt = take(), take(), take(), take()
  local owed = hold() or 0
  if elapsed >= math.ceil(owed / drain) then owed = 0 else owed = owed - elapsed * drain end
  local after = owed
  if act == REFUND then
    after = math.max(0, owed - cost)
  else
    after = math.min(debt, owed + cost)
  end
  return { owed }, owed + cost <= capacity, { after }, function(state)
    return math.ceil(state[1] / drain)
  end
end

local function window(quota, cost, charged, rest, count)
  local after = math.min(MOST, count + cost)
  if act == REFUND then
    after = count
    if now + rest == charged then after = math.max(0, count - cost) end
  end
  return { rest, count }, count + cost <= quota, { rest, after }, function() return rest end
end

-- Fixed windows, from the epoch on.
kinds[2] = function()
  local cost, quota, length, charged = take(), take(), take(), take()
  local rest, count = hold(), hold()
  rest = rest and rest - elapsed
  if not rest or rest <= 0 then rest, count = length - now % length, 0 end
  return window(quota, cost, charged, rest, count)
end

-- Windows that end when the caller's calendar says.
kinds[3] = function()
  local cost, quota, charged, ends = take(), take(), take(), take()
  local rest, count = hold(), hold()
  rest = rest and rest - elapsed
  local fresh
  for _ = 1, ends do
    local finish = take()
    if not fresh and finish > now then fresh = finish - now end
  end
  if not rest or rest <= 0 then
    if not fresh then return nil end
    rest, count = fresh, 0
  end
  return window(quota, cost, charged, rest, count)
end

-- Sliding windows: the last one is weighed by how much of it lies within.
kinds[4] = function()
  local cost, quota, length, charged = take(), take(), take(), take()
  local rest, before, count = hold(), hold(), hold()
  if rest then
    rest = rest - elapsed
    if rest <= 0 then rest, before, count = rest + length, count, 0 end
  end
  if not rest or rest <= 0 then rest, before, count = length - now % length, 0, 0 end
  local free = quota - count - cost
  local admits = free >= 0 and at_most(before, length, free, rest)
  local first, second = before, math.min(MOST_WINDOW, count + cost)
  if act == REFUND then
    second = count
    if now + rest + length == charged then
      second = math.max(0, count - cost)
    elseif now + rest == charged then
      first = math.max(0, before - cost)
    end
  end
  return { rest, before, count }, admits, { rest, first, second }, function() return rest + length end
end

local reply, admitted, kept, charged = { now, 1 }, true, { now }, { now }
local kept_for, charged_for = 0, 0
while at < #ARGV do
  local holds, admits, after, lasts = kinds[take()]()
  if not holds then
    return redis.error_reply('ERR the clocks of the caller and of this server are too far apart')
  end
  admitted = admitted and admits
  for i, number in ipairs(holds) do
    reply[#reply + 1] = number
    kept[#kept + 1] = number
    charged[#charged + 1] = after[i]
  end
  kept_for = math.max(kept_for, lasts(holds))
  charged_for = math.max(charged_for, lasts(after))
end
if raw and next_held ~= #held then
  return redis.error_reply('ERR a bucket holds what was not written by this script')
end

local state, lasts
if act == CHARGE or (act == SPEND and admitted) or (act == REFUND and raw) then
  state, lasts = charged, charged_for
elseif act ~= PEEK and raw and now < held[1] then
  state, lasts = kept, kept_for
end
if state then
  if lasts <= 0 then
    redis.call('DEL', KEYS[1])
  else
    for i, number in ipairs(state) do state[i] = string.format('%.0f', number) end
    local milliseconds = string.format('%.0f', math.ceil(lasts / 1000))
    redis.call('SET', KEYS[1], table.concat(state, ' '), 'PX', milliseconds)
  end
end
if not admitted then reply[2] = 0 end
return reply
