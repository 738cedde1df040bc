-- Runs when a call has ended (api_hangup_hook): its recording is closed, its duration known.
-- In a process of its own, so that a slow line holds up no call.
local uuid = env:getHeader("uuid")
local file = env:getHeader("mirror_recording")
local seconds = env:getHeader("billsec") or ""
if uuid == nil or file == nil then return end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
os.execute("/etc/freeswitch/send-recording.sh " .. quoted(uuid) .. " " .. quoted(file) .. " " ..
  quoted(seconds) .. " 2 >> /var/log/freeswitch/mirror-recording.log 2>&1 &")
