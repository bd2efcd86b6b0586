// Draws what the page has in words below. Colours are those of the style sheet, by day and by night.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("graph");
  const tools = document.querySelector(".tools");
  function sheet() {
    const styles = getComputedStyle(document.documentElement);
    const colour = (name) => styles.getPropertyValue(`--${name}`).trim();
    const line = (name, style = "solid") => ({
      "line-color": colour(name), "target-arrow-color": colour(name), "line-style": style,
    });
    return [
      { selector: "node", style: {
        shape: "round-rectangle", width: "data(width)", height: "data(height)", label: "data(label)",
        "text-valign": "center", "text-halign": "center", "text-wrap": "wrap", "font-size": 13,
        "font-family": "system-ui, sans-serif", "line-height": 1.25, color: colour("text"),
        "background-color": colour("raised"), "border-width": 1, "border-color": colour("quiet"),
      } },
      { selector: "node[kind = 'service']", style: {
        "background-color": colour("ground"), "border-width": 2, "border-color": colour("link"),
      } },
      { selector: "node[kind = 'missing']", style: {
        "background-color": colour("bad-ground"), color: colour("bad"), "border-color": colour("bad"),
      } },
      { selector: "edge", style: {
        width: 1.5, "curve-style": "bezier", "target-arrow-shape": "triangle", "arrow-scale": .8,
        label: "data(label)", "font-size": 12, color: colour("text"),
        "font-family": "system-ui, sans-serif", "text-background-color": colour("ground"),
        "text-background-opacity": 1, "text-background-padding": 2,
        "source-endpoint": "90deg", "target-endpoint": "270deg",
      } },
      { selector: "edge[kind = 'call']", style: { ...line("quiet"), width: 1, opacity: .55 } },
      { selector: "edge[kind = 'depends']", style: line("warn", "dashed") },
      { selector: "edge[kind = 'share']", style: { ...line("good"), width: 2.5 } },
      { selector: "edge[kind = 'rule']", style: line("link", "dashed") },
      { selector: "edge[kind = 'missing']", style: line("bad") },
      { selector: ".far", style: { opacity: .15 } },
    ];
  }

  const graph = cytoscape({
    container: place,
    style: sheet(),
    elements: JSON.parse(place.dataset.elements),
    layout: { name: "preset", fit: true, padding: 24 },
    userZoomingEnabled: false,
    boxSelectionEnabled: false,
    autoungrabify: true,
  });

  graph.on("tap", (event) => {
    graph.elements().removeClass("far");
    if (event.target === graph) return;
    const near = event.target.closedNeighborhood();
    graph.elements().difference(near.union(near.connectedNodes())).addClass("far");
  });

  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const by = event.target.dataset.zoom;
    if (by === "fit") graph.fit(undefined, 24);
    else if (by) graph.zoom({
      level: graph.zoom() * Number(by),
      renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 },
    });
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    graph.style().fromJson(sheet()).update();
  });
});
