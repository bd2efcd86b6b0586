-- The health of an Application, which waves between Applications wait for; Argo CD has none of its own since 1.8. What
-- Argo CD last said of it counts only if it said so of what the Application asks for now: an upgrade would pass on to
-- the next wave with the health of the release before.
local status = obj.status or {}
local sync, wanted = status.sync or {}, obj.spec.source or {}
local compared = (sync.comparedTo or {}).source or {}
for _, field in ipairs({"repoURL", "chart", "path", "targetRevision"}) do
  if (compared[field] or "") ~= (wanted[field] or "") then
    return {status = "Progressing", message = "not yet compared with what it asks for"}
  end
end
if (obj.spec.syncPolicy or {}).automated ~= nil and sync.status ~= "Synced" then
  return {status = "Progressing", message = "not yet synced"}
end
if status.operationState ~= nil and status.operationState.phase == "Running" then
  return {status = "Progressing", message = "a sync is running"}
end
if status.health == nil then
  return {status = "Progressing"}
end
return {status = status.health.status, message = status.health.message}
