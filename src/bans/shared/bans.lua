-- Offences and bans of several processes, by the clock of the server, in one call: tells what happened
-- in one process, and answers what changed since it last asked.
--
-- KEYS  1 life and last change  2 log: digest by number of its last change  3 ends: digest by when it is
--       forgotten  4 rows: digest by its ban  5 the last batch of the process  6… points, one for each word
-- ARGV  1 a new life's name  2, 3 life and change that the process has read up to  4 number of the batch
--       5 rows a reply  6 rows kept  7 threshold  8 part of the window  9 time that forgives one ban
--       10 number of terms, then the terms, then the words, seven arguments each:
--       kind, digest, who, why, number (points, or milliseconds left), level, by hand
-- Times are milliseconds.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local page, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local threshold, part_length, decay = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local PARTS = 8
local LIFTED_KEPT = 3600000
local ABANDONED = 400 * 86400000

local terms = {}
for index = 1, tonumber(ARGV[10]) do terms[index] = tonumber(ARGV[10 + index]) end
local first_word = 11 + #terms

-- Numbers of this size would be written in the form that Redis does not read.
local function text(number) return string.format('%.0f', number) end

local function row_of(digest)
    local row = redis.call('HGET', KEYS[4], digest)
    return row and cjson.decode(row) or nil
end

local function is_live(row) return row and row.x == 0 and now < row.u end

local function level_of(row)
    if not row then return 0 end
    if now < row.u then return row.l end
    return math.max(0, row.l - math.floor((now - row.u) / decay))
end

local function forget(digest)
    redis.call('ZREM', KEYS[2], digest)
    redis.call('ZREM', KEYS[3], digest)
    redis.call('HDEL', KEYS[4], digest)
end

-- A ban in force is not forgotten to make room; where there is none, the new one is not kept here.
local function has_room(digest)
    if redis.call('HEXISTS', KEYS[4], digest) == 1 then return true end
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now), 'LIMIT', 0, 32)) do
        forget(old)
    end
    if redis.call('ZCARD', KEYS[3]) < most then return true end
    for _, old in ipairs(redis.call('ZRANGE', KEYS[3], 0, 15)) do
        if not is_live(row_of(old)) then
            forget(old)
            return true
        end
    end
    return false
end

local function keep(digest, row)
    if not has_room(digest) then return end
    local change = redis.call('HINCRBY', KEYS[1], 'change', 1)
    local ends = row.u + row.l * decay
    if row.x == 1 then ends = now + LIFTED_KEPT end
    redis.call('ZADD', KEYS[2], change, digest)
    redis.call('ZADD', KEYS[3], text(ends), digest)
    redis.call('HSET', KEYS[4], digest, cjson.encode(row))
end

local function ban(digest, who, why, least, level)
    local row = row_of(digest)
    level = math.min(math.max(level, level_of(row) + 1), #terms)
    local length = math.max(least, terms[level])
    keep(digest, {w = who, y = why, s = now, u = now + length, l = level, h = 0, x = 0})
end

local function offend(points_key, digest, who, why, points)
    if is_live(row_of(digest)) then return end
    local part = math.floor(now / part_length)
    redis.call('HINCRBY', points_key, text(part), points)
    redis.call('PEXPIRE', points_key, text(part_length * (PARTS + 1)))
    local all, sum = redis.call('HGETALL', points_key), 0
    for index = 1, #all, 2 do
        local at = tonumber(all[index])
        if at > part - PARTS and at <= part + PARTS then
            sum = sum + tonumber(all[index + 1])
        else
            redis.call('HDEL', points_key, all[index])
        end
    end
    if sum >= threshold then
        redis.call('DEL', points_key)
        ban(digest, who, why, 0, 0)
    end
end

local function told(points_key, digest, who, why, left, level, by_hand)
    redis.call('DEL', points_key)
    if by_hand == 1 then
        keep(digest, {w = who, y = why, s = now, u = now + left, l = 0, h = 1, x = 0})
        return
    end
    local row = row_of(digest)
    if not is_live(row) then
        ban(digest, who, why, left, level)
    elseif row.h == 0 and (now + left > row.u + 1000 or level > row.l) then
        row.u = math.max(row.u, now + left)
        row.l = math.max(row.l, level)
        keep(digest, row)
    end
end

local function lift(points_key, digest, who)
    redis.call('DEL', points_key)
    keep(digest, {w = who, y = '', s = now, u = now, l = 0, h = 0, x = 1})
end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
    epoch = ARGV[1]
    redis.call('HSET', KEYS[1], 'epoch', epoch)
end

-- A batch that was told, and whose answer was lost, is not counted again.
if redis.call('GET', KEYS[5]) ~= ARGV[4] then
    for number = 0, #KEYS - 6 do
        local key, at = KEYS[6 + number], first_word + number * 7
        local kind, digest, who, why = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
        local amount, level, by_hand = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
        if kind == 'o' then offend(key, digest, who, why, amount)
        elseif kind == 'b' then told(key, digest, who, why, amount, level, by_hand)
        else lift(key, digest, who) end
    end
    if #KEYS > 5 then
        redis.call('SET', KEYS[5], ARGV[4], 'PX', 3600000)
        for index = 1, 4 do redis.call('PEXPIRE', KEYS[index], text(ABANDONED)) end
    end
end

local since = '0'
if ARGV[2] == epoch then since = ARGV[3] end
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. since, '+inf', 'WITHSCORES', 'LIMIT', 0, page)
local upto, more = since, 0
local rows = {}
for index = 1, #found, 2 do
    upto = found[index + 1]
    local json = redis.call('HGET', KEYS[4], found[index])
    if json then
        local row = cjson.decode(json)
        if row.x == 1 or now < row.u then rows[#rows + 1] = json end
    end
end
if #found == page * 2 then more = 1 end
local reply = {epoch, text(tonumber(upto)), text(now), more}
for _, json in ipairs(rows) do reply[#reply + 1] = json end
return reply
