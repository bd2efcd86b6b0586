-- The health of a mesh object, from what Heddle writes into its status. Only for clusters whose control plane is
-- Heddle: another writes no such status, and everything would be Progressing for ever.
local said = {}
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  -- What is said of an older generation is not true of this one.
  if tonumber(condition.observedGeneration or -1) == obj.metadata.generation then
    said[condition.type] = condition
  end
end

local accepted, resolved, programmed = said.Accepted, said.ResolvedRefs, said.Programmed
if accepted == nil or resolved == nil or programmed == nil then
  return {status = "Progressing", message = "the control plane has not looked at it yet"}
end
if accepted.status == "False" then
  return {status = "Degraded", message = accepted.message}
end
if programmed.status == "False" and programmed.reason == "Rejected" then
  return {status = "Degraded", message = programmed.message}
end
-- What it refers to may come later in the same sync, which Degraded would end.
if resolved.status == "False" then
  return {status = "Progressing", message = resolved.message}
end
if programmed.status == "False" then
  return {status = "Progressing", message = programmed.message}
end
return {status = "Healthy", message = programmed.message}
