-- Append events to the stream of one shard, or say why not. Nothing is ever appended twice, out of order or over a gap.
--
-- KEYS[1]  the stream
-- ARGV[1]  id of the log's event before the batch, `<epoch>-<position>`
-- ARGV[2]  event id of it, '' where the log knows none
-- ARGV[3]  '1' where a stream that never held anything may begin after it
-- ARGV[4]  the epoch in which the log goes on after it
-- ARGV[5]  id of the entry that the stream ended with when that epoch began right there, '' where none is known
-- ARGV[6]  event id of it, '' where none is known
-- ARGV[7…] id, event id and envelope of each event of the batch; positions are dense
--
-- Returns {outcome, the stream's last id, detail}:
--   appended  the stream ends with the batch, whether this call or another put it there
--   rewind    the stream ends before the batch: go on from its last id
--   ahead     the stream ends behind the batch: go on from its last id
--   diverged  the stream holds something else than the log: nobody may append
--   strange   the stream ends as no log would have it: nobody may append, and only filling it anew helps
--   refused   there is something else in the stream's place
local stream, predecessor_id, predecessor_event = KEYS[1], ARGV[1], ARGV[2]
local HEAD, WIDTH = 6, 3
local count = (#ARGV - HEAD) / WIDTH

local function position_of(id)
  return tonumber(string.match(id, '%-(%d+)$'))
end

local function epoch_of(id)
  return tonumber(string.match(id, '^(%d+)%-'))
end

local function value_of(pairs_list, name)
  for index = 1, #pairs_list, 2 do
    if pairs_list[index] == name then return pairs_list[index + 1] end
  end
  return false
end

local kind = redis.call('TYPE', stream)['ok']
if kind ~= 'stream' and kind ~= 'none' then
  return {'refused', '0-0', 'another key (' .. kind .. ') stands at ' .. stream .. ': delete or rename it'}
end

-- The last id ever given out (it survives trimming to nothing), and the last entry where there is one.
local function end_of_stream()
  if kind == 'none' then return '0-0', false end
  local info = redis.call('XINFO', 'STREAM', stream)
  return value_of(info, 'last-generated-id'), value_of(info, 'last-entry')
end

local function append_after(number)
  for index = HEAD + number * WIDTH + 1, #ARGV, WIDTH do
    redis.call('XADD', stream, ARGV[index], 'event_id', ARGV[index + 1], '__data__', ARGV[index + 2])
  end
  return {'appended', count > 0 and ARGV[#ARGV - WIDTH + 1] or predecessor_id, ''}
end

local last_id, last_entry = end_of_stream()

if last_id == '0-0' and ARGV[3] == '1' then return append_after(0) end

if last_entry and last_entry[1] ~= last_id then
  return {'strange', last_id, 'entries after ' .. last_entry[1] .. ' were deleted from the stream'}
end

-- The database went back in time and said so (`log.epochs`): the log goes on behind the predecessor in a later epoch, and
-- what the stream holds behind it is of a lost future. But only on a stream of this log, which holds the predecessor or,
-- trimmed further than that, ends as it did when the epoch began.
local function is_of_this_log()
  local found = redis.call('XRANGE', stream, predecessor_id, predecessor_id)[1]
  if found then return value_of(found[2], 'event_id') == predecessor_event end
  return last_id == ARGV[5] and (not last_entry or value_of(last_entry[2], 'event_id') == ARGV[6])
end

if epoch_of(last_id) < tonumber(ARGV[4]) and position_of(last_id) > position_of(predecessor_id) then
  if is_of_this_log() then return append_after(0) end
  return {'diverged', last_id, 'the stream does not hold ' .. predecessor_id .. ', behind which epoch ' .. ARGV[4] .. ' begins'}
end

-- As `infrastructure/strangers.py` tells it, but for epochs too far ahead.
local function is_strange()
  local epoch, position = epoch_of(last_id), position_of(last_id)
  if last_id ~= '0-0' and (epoch == 0 or epoch >= 2^31 or position == 0 or position > 2^62) then return true end
  return last_entry and not (value_of(last_entry[2], 'event_id') and value_of(last_entry[2], '__data__'))
end

if is_strange() then
  return {'strange', last_id, 'the stream ends with ' .. last_id .. ', which no log has written: a stranger\'s'}
end

local overlap = position_of(last_id) - position_of(predecessor_id)
if overlap < 0 then return {'rewind', last_id, ''} end
if overlap > count then return {'ahead', last_id, ''} end

local expected_id, expected_event = predecessor_id, predecessor_event
if overlap > 0 then
  expected_id, expected_event = ARGV[HEAD + (overlap - 1) * WIDTH + 1], ARGV[HEAD + (overlap - 1) * WIDTH + 2]
end
if last_id ~= expected_id then
  return {'diverged', last_id, 'the stream ends with ' .. last_id .. ' where the log has ' .. expected_id}
end

-- A stream that was trimmed to nothing has only its last id left to compare.
local last_event = last_entry and value_of(last_entry[2], 'event_id') or expected_event
if last_event ~= expected_event then
  return {'diverged', last_id, 'at ' .. last_id .. ' the stream has event ' .. last_event .. ', the log ' .. expected_event}
end
return append_after(overlap)
