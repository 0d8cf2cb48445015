-- Gives a key up that is locked, and not answered.
-- ARGV: the claim's owner.
local known = redis.call('HMGET', KEYS[1], 'owner', 'answer')
if known[1] == ARGV[1] and not known[2] then
  return redis.call('DEL', KEYS[1])
end
return 0
