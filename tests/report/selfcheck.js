// Runs inside a copy of the page, after its own script, and leaves its findings as JSON.
(() => {
  const facts = {};
  const panel = document.getElementById("detail");
  const visible = element => element && getComputedStyle(element).display !== "none";
  const svg = [".wide svg", ".phone svg"].map(s => document.querySelector(s)).find(s => visible(s.parentElement));
  const targets = [...svg.querySelectorAll(".hit")];
  const heading = () => (panel.querySelector("h2") || {}).textContent || "";
  const rank = () => heading().split(/\s/)[0];
  const press = (element, key) => element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const at = (element, type) => {
    const box = element.getBoundingClientRect();
    const where = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true };
    svg.dispatchEvent(new (type === "click" ? MouseEvent : PointerEvent)(type, where));
  };

  facts.first = heading();
  facts.targets = targets.length;
  facts.tabStops = targets.filter(target => target.tabIndex === 0).length;
  if (targets.length > 12) {
    // Neighbours may share a pixel: the pointer is tried on the loneliest points.
    const centres = targets.map(target => [target.cx.baseVal.value, target.cy.baseVal.value]);
    const room = centres.map(([x, y], i) => Math.min(...centres.map(([a, b], j) => (i === j ? Infinity : Math.hypot(a - x, b - y)))));
    const [lonely, lonelier] = targets.map((_, i) => i).sort((i, j) => room[j] - room[i]);
    targets[10].focus();
    facts.focused = rank();
    facts.label = targets[10].getAttribute("aria-label");
    facts.bars = panel.querySelectorAll(".bars li:not(.total)").length;
    facts.total = (panel.querySelector(".bars .total em") || {}).textContent;
    facts.text = panel.textContent;
    press(document.activeElement, "ArrowRight");
    facts.afterArrow = rank();
    press(document.activeElement, "Enter");
    facts.kept = heading().includes("kept");
    at(targets[lonely], "pointermove");
    facts.hovered = rank() === "#" + (lonely + 1);
    svg.dispatchEvent(new PointerEvent("pointerleave"));
    facts.backToKept = rank();
    press(targets[11], "Escape");
    facts.released = !heading().includes("kept");
    at(targets[lonelier], "click");
    facts.clicked = rank() === "#" + (lonelier + 1) && heading().includes("kept");

    // Every target lies on a point that the plot drew.
    const drawn = [...svg.querySelectorAll(".layer-front circle")].map(c => [c.cx.baseVal.value, c.cy.baseVal.value]);
    const ringed = [...svg.querySelectorAll(".ring")].length;
    facts.rings = ringed;
    facts.furthest = Math.max(...targets.map(target => {
      const [x, y] = [target.cx.baseVal.value, target.cy.baseVal.value];
      return Math.min(...drawn.map(([a, b]) => Math.hypot(a - x, b - y)));
    }));

    const rows = () => [...document.querySelectorAll("#front tbody tr")].filter(visible);
    const column = n => rows().map(row => Number(row.cells[n].dataset.v));
    facts.rows = rows().length;
    const more = document.getElementById("more");
    if (more) more.click();
    facts.rowsUnfolded = rows().length;
    const sort = document.querySelectorAll("#front thead button")[2];
    sort.click();
    const rising = column(2);
    sort.click();
    const falling = column(2);
    facts.sorted = rising.every((v, i) => !i || rising[i - 1] <= v) && falling.every((v, i) => !i || falling[i - 1] >= v)
      && rising[0] < falling[0];
    facts.rowsSorted = rows().length;
  }
  facts.switches = {};
  for (const name of ["sampled", "infeasible", "baselines"]) {
    const box = document.getElementById("show-" + name), layer = svg.querySelector(".layer-" + name);
    if (!box || !layer) continue;
    const before = visible(layer);
    box.click();
    facts.switches[name] = [before, visible(layer)];
    box.click();
  }
  const link = document.querySelector("[data-select]");
  if (link) {
    link.click();
    facts.linked = heading();
  }
  facts.plots = window.checkPlots();
  facts.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  facts.width = document.documentElement.clientWidth;
  facts.resources = performance.getEntriesByType("resource").map(entry => entry.name);
  // Violations of the policy are reported in a later task.
  setTimeout(() => {
    facts.broken = typeof window.broken;
    facts.trouble = window.trouble;
    const out = document.createElement("pre");
    out.id = "selfcheck";
    out.textContent = "FACTS" + btoa(unescape(encodeURIComponent(JSON.stringify(facts)))) + "END";
    document.body.append(out);
  }, 300);
})();
