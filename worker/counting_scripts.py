"""What Redis does at once when a request asks for its turn, and when it was answered.

One script decides each request: every window has room, a slot is free, the gate is open; or how
long until then. A window is counted in grains of a fiftieth, and a grain counts until the last
moment of it has left the window, so that no window of the provider, wherever it begins, ever holds
more than it may. A request counts from when it was answered, since nobody knows when it arrived;
but from no later than a tenth of the window (at most a second) after it left, or slow answers would
cost half of what is allowed. The clock is Redis's: those of our machines may be wrong.
"""

_COMMON = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Later than this after it left, nobody waits for a request's arrival.
local function journey(period) return math.min(1000, period / 10) end

local function text(number) return string.format('%d', number) end

-- What a window holds: in all, by grain, and what the provider says that others took.
local function counted(key, period)
  local grain, sum, held, others = period / 50, 0, {}, {count = 0, till = 0}
  local stored = redis.call('HGETALL', key)
  for i = 1, #stored, 2 do
    local field, count = stored[i], tonumber(stored[i + 1])
    local begins = (tonumber(field) or 0) * grain
    if field == 'others' then others.count = count
    elseif field == 'others_till' then others.till = count
    elseif begins + grain <= now - period or begins >= now + period then
      redis.call('HDEL', key, field)  -- over, or left by a clock that was ahead
    else
      sum = sum + count
      held[#held + 1] = {tonumber(field), count}
    end
  end
  if others.till <= now then others.count = 0 end
  return sum, held, others
end

local function add(key, period, moment, count)
  redis.call('HINCRBY', key, text(math.floor(moment / (period / 50))), text(count))
  redis.call('PEXPIRE', key, text(math.ceil(period * 1.2)))
end
"""

TAKE = (
    _COMMON
    + """
local token, lasts, at_once, poll = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local used = tonumber(ARGV[5])  -- so many windows are used up; those after them are only told
local wait, why = 0, 0
local function later(milliseconds, reason)
  if milliseconds > wait then wait, why = milliseconds, reason end
end

later(redis.call('PTTL', KEYS[1]), -1)
if at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
  if redis.call('ZCARD', KEYS[2]) >= at_once then later(poll, -2) end
end
for i = 3, #KEYS do
  local at = 6 + (i - 3) * 3
  local period, limit, brought = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if brought > 0 then add(KEYS[i], period, now, brought) end
  local sum, held, others = counted(KEYS[i], period)
  local too_many = sum + others.count + 1 - limit
  if too_many > 0 and i - 2 <= used then
    local free = math.huge
    if others.count > 0 then free = others.till - now end
    table.sort(held, function(a, b) return a[1] < b[1] end)
    for _, grain in ipairs(held) do
      too_many = too_many - grain[2]
      if too_many <= 0 then
        free = math.min(free, (grain[1] + 1) * period / 50 + period - now)
        break
      end
    end
    later(math.max(1, math.ceil(free)), i - 2)
  end
end
if wait > 0 then return {wait, why, now} end

for i = 3, used + 2 do
  local period = tonumber(ARGV[6 + (i - 3) * 3])
  add(KEYS[i], period, now + journey(period), 1)
end
if at_once > 0 then
  redis.call('ZADD', KEYS[2], text(now + lasts), token)
  if redis.call('PTTL', KEYS[2]) < tonumber(lasts) then redis.call('PEXPIRE', KEYS[2], lasts) end
end
return {0, 0, now}
"""
)

ANSWERED = (
    _COMMON
    + """
local token, left_at, closed, stated = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
redis.call('ZREM', KEYS[2], token)
if closed > math.max(0, redis.call('PTTL', KEYS[1])) then
  redis.call('SET', KEYS[1], '1', 'PX', text(closed))
end
for i = 3, #KEYS do
  local at = 5 + (i - 3) * 3
  local period, amount, left = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local latest = left_at + journey(period)
  if left_at > 0 and now < latest then
    local field = text(math.floor(latest / (period / 50)))
    if tonumber(redis.call('HGET', KEYS[i], field) or '0') > 0 then
      redis.call('HINCRBY', KEYS[i], field, -1)
      add(KEYS[i], period, now, 1)
    end
  end
  if left >= 0 then
    local sum = counted(KEYS[i], period)
    local till = now + math.min(period, tonumber(stated))
    redis.call('HSET', KEYS[i], 'others', text(math.max(0, amount - left - sum)),
      'others_till', text(till))
    redis.call('PEXPIRE', KEYS[i], text(math.ceil(period * 1.2)))
  end
end
"""
)

LEFT = (
    _COMMON
    + """
local found = {}
for i, key in ipairs(KEYS) do
  local sum, _, others = counted(key, tonumber(ARGV[i]))
  found[i] = sum + others.count
end
return found
"""
)
