-- Takes the answers of providers: gives concurrency back, corrects spend, opens and closes circuits.
-- ARGV[1]: JSON {now, day, done: [{name, id, outcome, pause (ms), correction}]}; outcome: good, bad, barred or busy.
local given = cjson.decode(ARGV[1])
local prefix = KEYS[1]
local clock = redis.call('TIME')
local now = given.now > 0 and given.now or (clock[1] * 1000 + math.floor(clock[2] / 1000))
local WINDOW, LEAST, SHARE, OPEN = 30000, 5, 0.5, 30000

for _, one in ipairs(given.done) do
    local key = prefix .. one.name
    local circuit = key .. ':circuit'
    redis.call('ZREM', key .. ':slots', one.id)
    if one.correction ~= 0 then
        redis.call('INCRBY', key .. ':spend:' .. given.day, one.correction)
        redis.call('EXPIRE', key .. ':spend:' .. given.day, 172800)
    end
    if one.pause > 0 then
        local paused = tonumber(redis.call('HGET', circuit, 'paused') or '0')
        redis.call('HSET', circuit, 'paused', string.format('%.0f', math.max(paused, now + one.pause)))
    end
    local health = tonumber(redis.call('HGET', circuit, 'health') or '1')
    local opened = tonumber(redis.call('HGET', circuit, 'opened') or '0')
    if one.outcome == 'barred' then
        redis.call('HSET', circuit, 'opened', string.format('%.0f', now + 2 * OPEN))
        redis.call('DEL', key .. ':probe')
    elseif one.outcome == 'bad' then
        redis.call('HSET', circuit, 'health', math.max(0.05, health / 2))
        local bad = redis.call('INCR', key .. ':bad')
        if bad == 1 then redis.call('PEXPIRE', key .. ':bad', WINDOW) end
        local good = tonumber(redis.call('GET', key .. ':good') or '0')
        if opened > 0 or (bad >= LEAST and bad / (bad + good) >= SHARE) then
            redis.call('HSET', circuit, 'opened', string.format('%.0f', now + OPEN))
            redis.call('DEL', key .. ':probe', key .. ':bad', key .. ':good')
        end
    elseif one.outcome == 'good' then
        if health < 1 then redis.call('HSET', circuit, 'health', math.min(1, health + 0.02)) end
        if opened > 0 and opened <= now then
            redis.call('HDEL', circuit, 'opened')
            redis.call('DEL', key .. ':probe', key .. ':bad', key .. ':good')
        end
        local good = redis.call('INCR', key .. ':good')
        if good == 1 then redis.call('PEXPIRE', key .. ':good', WINDOW) end
    end
end
return 1
