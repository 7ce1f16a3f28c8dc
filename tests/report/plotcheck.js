// Looks at the plots besides the front, as `selfcheck.js` looks at the front.
window.checkPlots = () => {
  const found = {};
  const tip = document.getElementById("tip");
  const told = () => (tip.hidden ? null : tip.textContent);
  const seen = element => Boolean(element && element.getClientRects().length);
  const move = (target, x, y) => target.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
  const centre = element => {
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const leave = element => element.dispatchEvent(new PointerEvent("pointerleave"));
  const press = (element, key) => {
    element.focus();
    element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  };
  const visible = (selector, root = document) => [...root.querySelectorAll(selector)].filter(seen);

  // Items of markup: the pointer and the keyboard tell the same of the first one.
  for (const name of ["choices", "importance"]) {
    const section = document.getElementById(name);
    if (!section) continue;
    const group = visible(".walk", section)[0], items = visible(".item", group);
    const facts = (found[name] = { items: items.length });
    move(items[0], ...centre(items[0]));
    facts.hover = told();
    leave(group);
    facts.hushed = told() === null;
    press(group, "ArrowRight");
    facts.keyboard = told() === facts.hover && items[0].classList.contains("current");
    press(group, "End");
    facts.end = told() === items[items.length - 1].getAttribute("aria-label");
    press(group, "Escape");
    facts.released = told() === null && !group.querySelector(".current");
    facts.cut = items.filter(item => [...item.children].some(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)).length;
  }
  const flip = (id, selector) => {
    const box = document.getElementById(id);
    if (!box) return;
    const before = visible(selector).length;
    box.click();
    found[id] = [before, visible(selector).length];
    box.click();
    found[id].push(visible(selector).length === before);
  };
  flip("only-notable", ".choice");
  flip("all-decisions", ".beside .panel:first-child .decision, .tabs .decision");
  const tabs = [...document.querySelectorAll(".tabs > input")];
  if (tabs.length) {
    const shown = () => visible(".panel").map(panel => panel.querySelector("h3").textContent);
    const before = shown();
    tabs[1].click();
    found.tabs = [tabs.length, before, shown()];
  }

  const drawing = id => visible("#" + id + " svg")[0];
  const course = drawing("course");
  if (course) {
    const box = course.getBoundingClientRect(), figure = document.getElementById("course");
    const facts = (found.course = {});
    move(course, box.right - 0.005 * box.width, box.y + box.height / 2);
    facts.end = told();
    move(course, box.x + box.width / 2, box.y + box.height / 2);
    facts.middle = told();
    facts.dot = visible(".cursor-dot", course).length;
    leave(course);
    facts.hushed = told() === null;
    press(figure, "Home");
    facts.start = told();
    press(figure, "Escape");
  }
  const parallel = drawing("parallel");
  if (parallel) {
    const figure = document.getElementById("parallel"), facts = (found.parallel = {});
    const chosen = () => (document.querySelector("#front tr.selected") || {}).id;
    const lines = [...parallel.querySelectorAll(".layer-front polyline")];
    facts.lines = lines.length;
    facts.colours = new Set(lines.map(line => getComputedStyle(line).stroke)).size;
    // On the first corner of the best member in the first objective.
    const line = lines[0].points, at = new DOMPoint(line[0].x, line[0].y).matrixTransform(parallel.getScreenCTM());
    move(parallel, at.x, at.y);
    facts.hover = told();
    facts.chosen = chosen();
    const lit = parallel.querySelector(".lit:not(.under)").points;
    facts.corners = lit.length;
    facts.apart = Math.max(...[...lit].map((point, i) => Math.hypot(point.x - line[i].x, point.y - line[i].y)));
    parallel.dispatchEvent(new MouseEvent("click", { clientX: at.x, clientY: at.y, bubbles: true }));
    facts.kept = document.querySelector("#detail h2").textContent.includes("kept");
    leave(parallel);
    facts.hushed = told() === null;
    press(figure, "End");
    facts.last = told();
    facts.follows = chosen() !== facts.chosen;
    press(figure, "Escape");
  }
  // The markup of the page, without its script and its data.
  const text = document.querySelector("header").outerHTML + document.querySelector("main").outerHTML;
  found.odd = (text.match(/NaN|Infinity|undefined/g) || []).length;
  return found;
};
