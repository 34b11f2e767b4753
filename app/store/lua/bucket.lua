-- Takes one token out of a bucket that holds `burst` of them and gets `per_minute` new ones.
--
-- Kept is one number a bucket: the time, in microseconds by Redis's clock, at which it will be full
-- again. A bucket that is full is no key at all.
--
-- bucket_take(key, per_minute, burst): 0, or the microseconds until the next token is there; and the
-- number of tokens left.
local function bucket_take(key, per_minute, burst)
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local interval = math.floor(60000000 / per_minute)
  local room = interval * burst
  local full = tonumber(redis.call('GET', key) or '') or 0
  if full < now then
    full = now
  elseif full > now + room then
    -- The clock was set back, or the rate was another one.
    full = now + room
  end
  local wait = full + interval - now - room
  if wait > 0 then
    return wait, 0
  end
  full = full + interval
  redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
  return 0, math.floor((now + room - full) / interval)
end
