-- Lets messages through to providers: circuits, pauses, spend, concurrency and rates of all routes of one channel, in
-- one step. KEYS[1]: the prefix of all keys, one hash tag, so that a cluster keeps them together.
-- ARGV[1]: JSON {now (ms; 0: the server's own time), day, held (ms), lease (ms), probe (ms),
--   routes: [{name, priority, weight, patience (ms), rate, burst, concurrency, domain_rate, spend}], count,
--   and of each ask what some route needs to know: ids, costs, draws, domains; tried: [[ask, [routes]]]}.
-- Returns JSON [[for each ask its route's place, or minus the ms to wait, or 0: never], [[ask, token of its probe]]].
-- Places count from one.
local given = cjson.decode(ARGV[1])
local prefix, now = KEYS[1], given.now
if now == 0 then
    local clock = redis.call('TIME')
    now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end
-- The first write is one that a server without memory refuses, so that then nothing passes. Redis judges memory only
-- before a script's first write, and lets what only removes go by; a shebang would say the same, but from 7.0 on only.
redis.call('SET', prefix .. 'admitted', now)

local function key(route, what) return prefix .. route.name .. ':' .. what end
local function exact(number) return string.format('%.17g', number) end

-- How long a bucket (GCRA) makes the next message wait; `tat` is when it will have run empty.
local function wait_of(tat, rate, burst) return math.max(0, tat - now - (burst - 1) * 1000 / rate) end

local function domain_tat(route, domain) return tonumber(redis.call('GET', key(route, 'domain:' .. domain)) or '0') end

for _, route in ipairs(given.routes) do
    local kept = redis.call('HMGET', prefix .. route.name, 'opened', 'paused', 'health', 'rate', 'tat', 'probe_until')
    route.opened, route.paused = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
    route.share = route.weight * tonumber(kept[3] or '1')
    if kept[4] then route.rate = tonumber(kept[4]) end
    -- A bucket that nobody knows begins without its burst: a server that forgot everything gives none twice.
    if route.rate then route.tat = tonumber(kept[5] or math.floor(now + (route.burst - 1) * 1000 / route.rate)) end
    route.is_probed = tonumber(kept[6] or '0') > now
    route.queue = 0
    if route.concurrency then
        redis.call('ZREMRANGEBYSCORE', key(route, 'slots'), '-inf', now)
        route.flying = redis.call('ZCARD', key(route, 'slots'))
    end
    if route.spend then route.spent = tonumber(redis.call('GET', key(route, 'spend:' .. given.day)) or '0') end
end

-- What a route says to an ask: ms to wait, 0 for yes; and whether it is merely full, and so worth waiting for.
local function answer(route, cost, domain)
    if route.opened > 0 then
        if route.opened > now then return route.opened - now, false end
        if route.is_probed then return 1000, false end
    end
    if route.paused > now then return route.paused - now, true end
    if route.spend and route.spent + cost > route.spend then return given.held, false end
    if route.concurrency and route.flying >= route.concurrency then return 100, true end
    local longest = 0
    if route.rate then longest = wait_of(route.tat, route.rate, route.burst) end
    if route.domain_rate and domain ~= '' then
        longest = math.max(longest, wait_of(domain_tat(route, domain), route.domain_rate, 1))
    end
    return longest, true
end

local probes = {}

local function take(route, place, id, cost, domain)
    if route.rate then
        route.tat = math.max(now, route.tat) + 1000 / route.rate
        route.has_taken = true
    end
    if route.domain_rate and domain ~= '' then
        local tat = math.max(now, domain_tat(route, domain)) + 1000 / route.domain_rate
        redis.call('SET', key(route, 'domain:' .. domain), exact(tat), 'PX', math.ceil(tat - now) + given.held)
    end
    if route.concurrency then
        redis.call('ZADD', key(route, 'slots'), now + given.lease, id)
        route.flying = route.flying + 1
    end
    if route.spend then
        route.spent = route.spent + cost
        route.has_spent = true
    end
    if route.opened > 0 then
        local token = string.format('%.0f:%d', now, place)
        redis.call('HSET', prefix .. route.name, 'probe', token, 'probe_until', now + given.probe)
        route.is_probed = true
        probes[#probes + 1] = { place, token }
    end
end

local tried = {}
for _, one in ipairs(given.tried) do
    tried[one[1]] = {}
    for _, index in ipairs(one[2]) do tried[one[1]][index] = true end
end

-- Routes come in order of priority. Those of one priority share by weight and health; where none of them takes the
-- message, it waits for one that is only full for a moment, and goes on to the next priority otherwise.
local function place_of(place, id, cost, draw, domain, passed)
    local index, count, soonest = 1, #given.routes, nil
    while index <= count do
        local priority, fits, total, short, full = given.routes[index].priority, {}, 0, nil, nil
        while index <= count and given.routes[index].priority == priority do
            local route = given.routes[index]
            if not (passed and passed[index]) then
                local wait, is_full = answer(route, cost, domain)
                if wait <= 0 then
                    total = total + route.share
                    fits[#fits + 1] = { index, total }
                elseif is_full and wait <= route.patience and (short == nil or wait < short) then
                    short, full = wait, route
                end
                if wait > 0 and (soonest == nil or wait < soonest) then soonest = wait end
            end
            index = index + 1
        end
        if #fits > 0 then
            local chosen = fits[#fits][1]
            for _, fit in ipairs(fits) do
                if draw * total < fit[2] then chosen = fit[1]; break end
            end
            take(given.routes[chosen], place, id, cost, domain)
            return chosen
        elseif full then
            -- Those that wait come back one after the other, at the pace at which they can pass.
            if full.rate then
                short = short + full.queue * 1000 / full.rate
                full.queue = full.queue + 1
            end
            return -math.ceil(short)
        end
    end
    return soonest and -math.ceil(soonest) or 0
end

local answers = {}
local ids, costs, draws, domains = given.ids, given.costs, given.draws, given.domains
for place = 1, given.count do
    local domain = domains and domains[place] or ''
    local cost, draw = costs and costs[place] or 0, draws and draws[place] or 0
    answers[place] = place_of(place, ids and ids[place], cost, draw, domain, tried[place])
end

for _, route in ipairs(given.routes) do
    if route.has_taken then redis.call('HSET', prefix .. route.name, 'tat', exact(route.tat)) end
    if route.has_spent then
        local spend = key(route, 'spend:' .. given.day)
        redis.call('SET', spend, string.format('%.0f', route.spent), 'EX', 259200)
    end
end
return cjson.encode({ answers, probes })
