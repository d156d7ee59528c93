-- Lets messages through to providers: rate, concurrency, spend and circuits of all routes of one channel, in one step.
-- ARGV[1]: JSON {now (ms, or 0 for the server's own time), day, lease (ms), routes: [...], asks: [...]}.
-- Returns JSON: for each ask {route (index from one), or 0} and {wait (ms)}.
local given = cjson.decode(ARGV[1])
local prefix = KEYS[1]
local clock = redis.call('TIME')
local now = given.now > 0 and given.now or (clock[1] * 1000 + math.floor(clock[2] / 1000))

-- The theoretical arrival time of a bucket (GCRA): how long it has to wait, without taking anything.
local function wait_of(key, rate, burst)
    local tat = tonumber(redis.call('GET', key) or '0')
    return math.max(0, tat - burst * 1000 / rate - now + 1000 / rate)
end

local function take(key, rate)
    local tat = math.max(now, tonumber(redis.call('GET', key) or '0')) + 1000 / rate
    redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil(tat - now + 60000))
end

local function domain_key(name, ask) return prefix .. name .. ':domain:' .. ask.domain end

-- What a route says to an ask: 0 for yes, milliseconds to wait, or -1 for never.
local function answer(route, ask)
    for _, name in ipairs(ask.tried) do
        if name == route.name then return -1 end
    end
    if route.paused > now then return route.paused - now end
    if route.opened > now then return route.opened - now end
    if route.opened > 0 and route.probing then return 1000 end
    if route.spend and route.spent + ask.cost > route.spend then return given.day_left end
    if route.concurrency and route.flying >= route.concurrency then return 100 end
    local longest = 0
    if route.rate then longest = wait_of(prefix .. route.name .. ':tat', route.rate, route.burst) end
    if route.domain_rate and ask.domain ~= '' then
        longest = math.max(longest, wait_of(domain_key(route.name, ask), route.domain_rate, 1))
    end
    return longest
end

for _, route in ipairs(given.routes) do
    local key = prefix .. route.name
    local circuit = redis.call('HMGET', key .. ':circuit', 'opened', 'paused', 'health', 'rate')
    route.opened = tonumber(circuit[1] or '0') or 0
    route.paused = tonumber(circuit[2] or '0') or 0
    route.health = tonumber(circuit[3] or '1') or 1
    if circuit[4] then route.rate = tonumber(circuit[4]); route.burst = route.burst or 1 end
    route.probing = redis.call('EXISTS', key .. ':probe') == 1
    if route.concurrency then
        redis.call('ZREMRANGEBYSCORE', key .. ':slots', '-inf', now)
        route.flying = redis.call('ZCARD', key .. ':slots')
    end
    if route.spend then route.spent = tonumber(redis.call('GET', key .. ':spend:' .. given.day) or '0') end
end

local answers = {}
for place, ask in ipairs(given.asks) do
    local best, fits, total, soonest = nil, {}, 0, -1
    for index, route in ipairs(given.routes) do
        local wait = answer(route, ask)
        if wait == 0 then
            if best == nil or route.priority < best then best, fits, total = route.priority, {}, 0 end
            if route.priority == best then
                total = total + route.weight * route.health
                table.insert(fits, { index, total })
            end
        elseif wait > 0 and (soonest < 0 or wait < soonest) then
            soonest = wait
        end
    end
    if best == nil then
        answers[place] = { 0, soonest }
    else
        local chosen = fits[#fits][1]
        for _, fit in ipairs(fits) do
            if ask.draw * total < fit[2] then chosen = fit[1]; break end
        end
        local route = given.routes[chosen]
        local key = prefix .. route.name
        if route.rate then take(key .. ':tat', route.rate) end
        if route.domain_rate and ask.domain ~= '' then take(domain_key(route.name, ask), route.domain_rate) end
        if route.concurrency then
            redis.call('ZADD', key .. ':slots', now + given.lease, ask.id)
            route.flying = route.flying + 1
        end
        if route.spend then
            redis.call('INCRBY', key .. ':spend:' .. given.day, ask.cost)
            redis.call('EXPIRE', key .. ':spend:' .. given.day, 172800)
            route.spent = route.spent + ask.cost
        end
        if route.opened > 0 then
            redis.call('SET', key .. ':probe', ask.id, 'PX', 10000)
            route.probing = true
        end
        answers[place] = { chosen, 0 }
    end
end
return cjson.encode(answers)
