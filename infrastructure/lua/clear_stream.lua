-- Empty the stream of one shard, so that it is filled anew, and keep its consumer groups. Only if it still is as it was seen.
--
-- KEYS[1]  the stream
-- ARGV     as XINFO STREAM told: last-generated-id, length, id of the first entry, id of the last entry ('' for none)
-- ARGV[5]  id behind which no group goes on, '' where there is none
--
-- Returns {1 where it was emptied, 0 where it is not any more as it was seen; the number of groups that were kept}.
-- A group goes on before its oldest entry that was delivered and not acknowledged: that and what follows comes again.
local stream = KEYS[1]

local function value_of(pairs_list, name)
  for index = 1, #pairs_list, 2 do
    if pairs_list[index] == name then return pairs_list[index + 1] end
  end
  return false
end

local function id_of(entry)
  return entry and entry[1] or ''
end

local function parts_of(id)
  local epoch, position = string.match(id, '^(%d+)%-(%d+)$')
  return epoch, tonumber(position)
end

local function before(id)
  local epoch, position = parts_of(id)
  if position == 0 or position > 2^53 then return id end -- a stranger's: no log gives it out, numbers here do not reach
  return epoch .. '-' .. string.format('%d', position - 1)
end

local function is_after(id, other)
  local epoch, position = parts_of(id)
  local other_epoch, other_position = parts_of(other)
  if epoch ~= other_epoch then return tonumber(epoch) > tonumber(other_epoch) end
  return position > other_position
end

if redis.call('EXISTS', stream) == 0 then return {0, 0} end
local info = redis.call('XINFO', 'STREAM', stream)
if value_of(info, 'last-generated-id') ~= ARGV[1] or tostring(value_of(info, 'length')) ~= ARGV[2]
  or id_of(value_of(info, 'first-entry')) ~= ARGV[3] or id_of(value_of(info, 'last-entry')) ~= ARGV[4] then
  return {0, 0}
end

local groups = {}
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local name, place = value_of(group, 'name'), value_of(group, 'last-delivered-id')
  local oldest = redis.call('XPENDING', stream, name)[2]
  if oldest then place = before(oldest) end
  if ARGV[5] ~= '' and is_after(place, ARGV[5]) then place = ARGV[5] end
  groups[#groups + 1] = {name, place}
end

redis.call('DEL', stream)
for _, group in ipairs(groups) do
  redis.call('XGROUP', 'CREATE', stream, group[1], group[2], 'MKSTREAM')
end
return {1, #groups}
