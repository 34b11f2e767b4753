-- A place in a line, after queue.lua: its score, and how many want how many places. Most want one: they are
-- those of :line that :wants does not know of.
local TIMES = Q .. ':times'
local WANTS = Q .. ':wants'

local function score_of(epoch, number, quantity)
  return (epoch * 17179869184 + number) * 512 + quantity - 1
end

local function score_quantity(score)
  return score % 512 + 1
end

local function wants_add(score, people)
  local quantity = score_quantity(score)
  if quantity > 1 and call('HINCRBY', WANTS, quantity, people) <= 0 then
    call('HDEL', WANTS, quantity)
  end
end
