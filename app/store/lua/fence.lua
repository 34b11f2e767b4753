-- Begins a rebuild or a repair: from here on every script notes what it touches.
-- uses: event common
-- KEYS: prefix of the event. ARGV: stamp, epoch (random), lease in ms, 1: whoever asks has the time that a
-- large event takes; to others it is busy while :late says so.
-- Answers {busy}, or {kept | missing, Redis's clock in ms}.
-- None of ours stands for ever, and what is no hash is no state.
if call('PTTL', FENCE) == -1 then
  call('UNLINK', FENCE)
end
if call('TYPE', META).ok ~= 'hash' then
  call('UNLINK', META)
end
if call('TYPE', CHANGED).ok ~= 'zset' then
  call('UNLINK', CHANGED)
end
if ARGV[4] ~= '1' and call('GET', LATE) == ARGV[1] then
  return { 'busy' }
end
if not call('SET', FENCE, ARGV[2], 'NX', 'PX', ARGV[3]) then
  return { 'busy' }
end
call('UNLINK', DIRTY, BEFORE, MOVED)
return { call('HGET', META, 'stamp') == ARGV[1] and 'kept' or 'missing', redis_ms() }
