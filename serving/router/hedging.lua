-- Hedged requests: when a process of a revision is slow, another one is asked too, and the first good answer counts.
--
-- Method: J. Dean and L. A. Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013. HAProxy comes here with
-- small predictions of revisions that its map of hedged ones names, and waits for no more than the answer.
--
-- Arguments: the socket of the frontend `again`, and how many processes a revision may have.

local again, most = ...

local SHARE = 0.05 -- Of a revision's questions at most so many are asked twice, so that hedging cannot become the load,
local SPARE = 10 -- and so many more, once at the start and after a time without any.
local LONGEST_MS = 60000

-- By slot: what the revision there may still ask twice, and which process comes first among equals.
local budgets, turn = {}, {}

local function name_of(process)
    return process == 0 and "s" or "r" .. process
end

-- The process with the fewest questions of those that are up and not `other`; nil where there is none. Among equals the
-- next in turn, as the router itself does it.
local function fewest(slot, other)
    local servers = core.backends["slot_" .. slot].servers
    turn[slot] = ((turn[slot] or 0) + 1) % most
    local found, least
    for step = 0, most - 1 do
        local process = name_of((turn[slot] + step) % most)
        local now = servers[process]:get_stats()
        local questions = tonumber(now.scur)
        if process ~= other and now.status:find("^UP") and not (found and questions >= least) then
            found, least = process, questions
        end
    end
    return found
end

local function budget(question)
    local found = budgets[question.slot]
    if not found or found.revision ~= question.revision then
        found = { revision = question.revision, left = SPARE }
        budgets[question.slot] = found
    end
    return found
end

local function earn(question)
    local found = budget(question)
    found.left = math.min(SPARE, found.left + SHARE)
end

local function spend(question)
    local found = budget(question)
    if found.left < 1 then
        return false
    end
    found.left = found.left - 1
    return true
end

-- By slot: how many failures that the router counted there no caller had, since another process answered. The agent
-- reads it, for what no caller had must not speak against a revision.
local unseen = {}

local function made_here(answer)
    return answer and answer.status and answer.status >= 500 and not answer.headers["x-served-revision"]
end

local function nobody_had(question, answer)
    if made_here(answer) then
        unseen[question.slot] = (unseen[question.slot] or 0) + 1
    end
end

core.register_cli({ "show", "unseen" }, "show unseen : failures by slot that no caller had", function(applet)
    for slot, count in pairs(unseen) do
        applet:send(slot .. " " .. count .. "\n")
    end
end)

local function post(path, headers, body)
    return core.httpclient():post({
        url = "http://hedged" .. path, dst = "unix@" .. again, headers = headers, body = body, timeout = LONGEST_MS,
    })
end

-- The caller's headers and who is to answer. An empty `process` leaves the choice to the router.
local function addressed(question, process, attempt)
    local headers = {}
    for name, values in pairs(question.headers) do
        headers[name] = values
    end
    headers["x-signalbox-slot"] = { [0] = question.slot }
    headers["x-signalbox-attempt"] = { [0] = attempt }
    headers["x-signalbox-process"] = process and { [0] = process }
    return headers
end

local function ask(queue, question, process, attempt)
    local answer = post(question.path, addressed(question, process, attempt), question.body)
    if question.answered then
        nobody_had(question, answer)
    else
        queue:push({ process = process, answer = answer })
    end
end

local function remind(queue, milliseconds)
    core.msleep(milliseconds)
    queue:push({ late = true })
end

-- Tell the slower one that nobody waits for it any more: what has not begun is never asked of the model.
local function give_up(question, process)
    local word = { slot = question.slot, headers = { ["x-signalbox-hedge"] = { [0] = question.token } } }
    nobody_had(question, post("/-/given-up", addressed(word, process, "none"), ""))
end

local function good(answer)
    return answer and answer.status and answer.status > 0 and answer.status < 500
end

-- Ask once, and once more when it is late and may be asked. Returns the answer, and who has not answered by then.
local function answered(question, milliseconds)
    local queue, asked, waiting, last = core.queue(), {}, 1, nil
    asked[1] = fewest(question.slot)
    core.register_task(ask, queue, question, asked[1], "first")
    core.register_task(remind, queue, milliseconds)
    while waiting > 0 do
        local news = queue:pop_wait()
        if not news.late then
            nobody_had(question, last and last.answer)
            waiting, last = waiting - 1, news
        elseif waiting == 1 and not last and asked[1] then
            asked[2] = fewest(question.slot, asked[1])
            if asked[2] and spend(question) then
                core.register_task(ask, queue, question, asked[2], "second")
                waiting = waiting + 1
            end
        end
        if last and good(last.answer) then
            break
        end
    end
    question.answered = true
    local beside = queue:pop()
    while beside do
        nobody_had(question, beside.answer)
        beside = queue:pop()
    end
    local slower = waiting > 0 and (last.process == asked[1] and asked[2] or asked[1]) or nil
    return last.answer, slower
end

local HOP = { ["connection"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true, ["content-length"] = true }

local function send(applet, answer)
    applet:set_status(answer.status)
    for name, values in pairs(answer.headers) do
        if not HOP[name] then
            for _, value in pairs(values) do
                applet:add_header(name, value)
            end
        end
    end
    local body = answer.body or ""
    applet:add_header("content-length", #body)
    applet:start_response()
    applet:send(body)
end

core.register_service("hedge", "http", function(applet)
    local question = {
        path = applet.path,
        headers = applet.headers,
        body = applet:receive(),
        slot = applet:get_var("txn.slot"),
        revision = applet:get_var("txn.revision"),
        token = applet:get_var("txn.token"),
    }
    earn(question)
    local answer, slower = answered(question, tonumber(applet:get_var("txn.hedge")))
    if slower then
        core.register_task(give_up, question, slower)
    end
    -- Without one HAProxy answers 500 in our words.
    assert(answer and answer.status and answer.status > 0, "no answer")
    send(applet, answer)
end)
