-- Takes the ends of calls: gives concurrency back, corrects spend, opens and closes circuits.
-- KEYS[1]: the prefix of all keys. ARGV[1]: JSON {now (ms; 0: the server's own time), routes: [{name, slots: [id],
--   spend: [[day, correction]], pause (ms), good, bad (calls), is_barred, probes: [[token, outcome]]}]}.
local given = cjson.decode(ARGV[1])
local prefix, now = KEYS[1], given.now
if now == 0 then
    local clock = redis.call('TIME')
    now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end
local WINDOW, LEAST, SHARE, OPEN, SICKEST, RECOVERY = 30000, 5, 0.5, 30000, 0.05, 0.02
-- The first write only removes, so that a server without memory lets the rest go by too: what is held is given back.
redis.call('DEL', prefix .. 'settled')

for _, one in ipairs(given.routes) do
    local key = prefix .. one.name
    for first = 1, #one.slots, 1000 do
        redis.call('ZREM', key .. ':slots', unpack(one.slots, first, math.min(first + 999, #one.slots)))
    end
    for _, correction in ipairs(one.spend) do
        local spend = key .. ':spend:' .. correction[1]
        local spent = math.max(0, tonumber(redis.call('GET', spend) or '0') + correction[2])
        redis.call('SET', spend, string.format('%.0f', spent), 'EX', 259200)
    end

    local kept = redis.call('HMGET', key, 'opened', 'paused', 'health', 'good', 'bad', 'since', 'probe')
    local opened, paused, health = tonumber(kept[1] or '0'), tonumber(kept[2] or '0'), tonumber(kept[3] or '1')
    local good, bad, since = tonumber(kept[4] or '0'), tonumber(kept[5] or '0'), tonumber(kept[6] or '0')
    if now - since >= WINDOW or since > now then good, bad, since = 0, 0, now end

    local function open(ms)
        good, bad = 0, 0
        redis.call('HSET', key, 'opened', now + ms)
        redis.call('HDEL', key, 'probe', 'probe_until', 'good', 'bad')
    end

    if one.pause > 0 then redis.call('HSET', key, 'paused', math.max(paused, now + one.pause)) end
    local was_open = opened > 0
    -- Only the probe speaks for an open circuit: what was sent before it opened comes back late, and says nothing new.
    for _, probe in ipairs(one.probes) do
        if was_open and probe[1] == kept[7] then
            if probe[2] == 'good' then
                redis.call('HDEL', key, 'opened', 'probe', 'probe_until')
            elseif probe[2] == 'bad' then
                open(OPEN)
            else
                redis.call('HDEL', key, 'probe', 'probe_until')
            end
        end
    end
    if one.is_barred then
        open(2 * OPEN)
    elseif not was_open then
        good, bad = good + one.good, bad + one.bad
        health = math.min(1, math.max(SICKEST, health * 0.5 ^ one.bad) + RECOVERY * one.good)
        if bad >= LEAST and bad / (bad + good) >= SHARE then open(OPEN) end
        if one.good + one.bad > 0 then
            redis.call('HSET', key, 'good', good, 'bad', bad, 'since', since, 'health', string.format('%.6f', health))
        end
    end
end
return 1
