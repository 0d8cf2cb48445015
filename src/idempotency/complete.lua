-- Keeps an answer, unless somebody else has the key by now.
-- ARGV: the request's hash, the claim's owner, the answer, milliseconds that it is kept.
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'owner', ARGV[2], 'answer', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
