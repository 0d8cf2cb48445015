-- Locks a key for a request, or tells what is known of it.
-- ARGV: the request's hash, the claim's owner, milliseconds of the lock.
local known = redis.call('HMGET', KEYS[1], 'request', 'answer')
if not known[1] then
  redis.call('HSET', KEYS[1], 'request', ARGV[1], 'owner', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {0}
end
if known[1] ~= ARGV[1] then
  return {3}
end
if known[2] then
  return {2, known[2]}
end
return {1}
