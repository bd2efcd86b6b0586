// What the pages need beyond htmx: a list that may be held still, is not replaced by its equal, and
// says so when nothing more comes.
"use strict";

(() => {
  const list = () => document.getElementById("list");
  let shown = "";

  const isHeld = (asking) => {
    const live = document.getElementById("live");
    return asking === list() && live && !live.checked;
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isHeld(event.target)) event.preventDefault();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== list()) return;
    if (event.detail.xhr.status !== 200) { event.detail.shouldSwap = false; away(true); return; }
    away(false);
    // Asked for before the list was to be held still. What the filter asks for is shown even then.
    if (isHeld(event.detail.requestConfig.elt)) { event.detail.shouldSwap = false; return; }
    if (event.detail.serverResponse === shown) event.detail.shouldSwap = false;
    shown = event.detail.serverResponse;
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "live" && event.target.checked) htmx.trigger(list(), "sse:changed");
  });

  for (const name of ["htmx:sseError", "htmx:sendError", "htmx:timeout"])
    document.addEventListener(name, () => away(true));
  document.addEventListener("htmx:sseOpen", () => away(false));

  function away(is) {
    let told = document.getElementById("away");
    if (is === Boolean(told)) return;
    if (!is) { told.remove(); return; }
    told = document.createElement("p");
    told.id = "away";
    told.className = "away";
    told.setAttribute("role", "alert");
    told.textContent = "The control plane does not answer: what is shown may be old.";
    document.querySelector("main").prepend(told);
  }
})();
