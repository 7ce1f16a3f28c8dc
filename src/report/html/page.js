// Adds to a page that is complete without it: looking at single members, sorting,
// folding the table. All texts enter by textContent, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("detail");
  const table = document.getElementById("front");
  document.body.classList.add("scripting");
  if (!data.members.length || !table) return;

  const place = new Map(data.members.map((member, at) => [member.index, at]));
  const rows = data.members.map(member => document.getElementById("m" + member.index));
  const titles = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
  let shown = -1, pinned = -1;

  function make(parent, tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  }

  // ---- The panel: one member in full.

  function describe(at) {
    const member = data.members[at], cells = rows[at].cells;
    panel.replaceChildren();
    panel.hidden = false;
    const heading = make(panel, "h2", "#" + cells[0].textContent + (member.id ? "  " + member.id : ""));
    const remark = cells[cells.length - 3].firstChild;
    if (remark && remark.nodeType === Node.TEXT_NODE && remark.data.trim()) make(heading, "span", remark.data.trim(), "badge");
    if (at === pinned) make(heading, "span", "kept", "badge pinned");
    make(panel, "code", cells[cells.length - 2].textContent);

    const figures = make(panel, "dl", null, "figures");
    for (let column = 1; column < cells.length - 3; column++) {
      const pair = make(figures, "div", null, column <= data.objectives.length ? "" : "minor");
      make(pair, "dt", titles[column]);
      make(pair, "dd", cells[column].textContent);
    }
    for (const flag of member.flags) make(panel, "p", "⚠ " + flag, "warning");
    if (member.blocks.length) bars(member.blocks);
    if (member.decisions.length) {
      const details = make(panel, "details");
      make(details, "summary", member.decisions.length + (member.decisions.length === 1 ? " decision" : " decisions"));
      const list = make(details, "dl", null, "decisions");
      for (const [path, value] of member.decisions) {
        make(list, "dt", data.texts[path]);
        make(list, "dd", data.texts[value]);
      }
    }
    const foot = make(panel, "p", null, "foot");
    const link = cells[cells.length - 1].querySelector("a");
    if (link) foot.append(link.cloneNode(true));
    if (member.hash) make(foot, "small", (link ? " · " : "") + "hash " + member.hash);
  }

  function bars(blocks) {
    const known = blocks.map(block => block[2]).filter(ms => ms !== null);
    make(panel, "h3", known.length ? "Latency by block" : "Blocks");
    const longest = Math.max(...known, 0), total = known.reduce((sum, ms) => sum + ms, 0);
    const digits = total >= 100 ? 1 : total >= 1 ? 2 : 4;
    const list = make(panel, "ul", null, "bars");
    for (const [name, description, ms] of blocks) {
      const item = make(list, "li");
      const label = make(item, "span");
      label.title = data.texts[name] + "  " + data.texts[description];
      make(label, "b", data.texts[name]);
      if (data.texts[description]) make(label, "small", data.texts[description]);
      const track = make(item, "span");
      if (ms !== null && longest > 0) make(track, "i").style.width = 100 * Math.max(ms, 0) / longest + "%";
      make(item, "em", ms === null ? "no table" : ms.toFixed(digits) + " ms");
    }
    if (!known.length) return;
    const sum = make(list, "li", null, "total");
    make(sum, "b", known.length === blocks.length ? "sum of blocks" : "sum of covered blocks");
    make(sum, "span");
    make(sum, "em", total.toFixed(digits) + " ms");
  }

  // ---- The plot: invisible targets over the drawn points, and a ring on the shown one.

  const svgNamespace = "http://www.w3.org/2000/svg";
  const plots = [".wide svg", ".phone svg"].map((selector, which) => {
    const svg = document.querySelector(selector);
    const scale = svg.viewBox.baseVal.width / Number(svg.getAttribute("width"));
    const hits = svg.appendChild(document.createElementNS(svgNamespace, "g"));
    hits.setAttribute("class", "hits");
    const frames = data.frames[which].map(frame => {
      const points = data.members.map(({ values }) => {
        const along = (value, [low, high]) => (value - low) / (high - low);
        const x = frame.left + frame.width * along(values[frame.x], frame.x_ends);
        const y = frame.top + frame.height * (1 - (frame.y === null ? 0.5 : along(values[frame.y], frame.y_ends)));
        return [x * scale, y * scale];
      });
      const ring = svg.appendChild(document.createElementNS(svgNamespace, "circle"));
      ring.setAttribute("class", "ring");
      ring.setAttribute("r", 10 * scale);
      ring.setAttribute("stroke-width", 2 * scale);
      return { points, ring };
    });
    // The keyboard walks through the first panel; one tab stop serves all points.
    const targets = frames[0].points.map(([x, y], at) => {
      const target = hits.appendChild(document.createElementNS(svgNamespace, "circle"));
      target.setAttribute("class", "hit");
      target.setAttribute("cx", x);
      target.setAttribute("cy", y);
      target.setAttribute("r", 4 * scale);
      target.setAttribute("tabindex", -1);
      target.setAttribute("role", "button");
      target.setAttribute("aria-label", label(at));
      target.addEventListener("focus", () => show(at));
      target.addEventListener("keydown", event => key(event, at, targets));
      return target;
    });
    const nearest = event => {
      const matrix = svg.getScreenCTM();
      if (!matrix) return -1;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      let best = -1, least = (28 / matrix.a) ** 2;
      for (const { points } of frames) {
        points.forEach(([x, y], index) => {
          const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
          if (distance < least) [best, least] = [index, distance];
        });
      }
      return best;
    };
    svg.addEventListener("pointermove", event => {
      const at = nearest(event);
      svg.style.cursor = at < 0 ? "" : "pointer";
      if (at >= 0) show(at);
    });
    svg.addEventListener("pointerleave", () => { if (pinned >= 0) show(pinned); });
    svg.addEventListener("click", event => pin(nearest(event)));
    svg.setAttribute("role", "group");
    return { frames, targets };
  });

  function label(at) {
    const cells = rows[at].cells;
    const values = data.objectives.map((_, index) => titles[index + 1] + " " + cells[index + 1].textContent);
    return "Rank " + cells[0].textContent + ": " + values.join(", ");
  }

  function key(event, at, targets) {
    const steps = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: targets.length - 1 };
    if (event.key in steps) {
      const next = targets[steps[event.key]];
      if (next) next.focus({ preventScroll: true });
    } else if (event.key === "Enter" || event.key === " ") {
      pin(at);
    } else if (event.key === "Escape") {
      pin(-1);
    } else {
      return;
    }
    event.preventDefault();
  }

  function show(at) {
    if (at === shown) return;
    if (shown >= 0) rows[shown].classList.remove("selected");
    for (const { frames, targets } of plots) {
      for (const { points, ring } of frames) {
        ring.setAttribute("cx", points[at][0]);
        ring.setAttribute("cy", points[at][1]);
      }
      targets[Math.max(shown, 0)].setAttribute("tabindex", -1);
      targets[at].setAttribute("tabindex", 0);
    }
    shown = at;
    rows[at].classList.add("selected");
    describe(at);
    document.dispatchEvent(new CustomEvent("member-shown", { detail: at }));
  }

  // Keeps a member in the panel while the pointer wanders; again or nothing lets go.
  function pin(at) {
    pinned = at === pinned ? -1 : at;
    if (at >= 0) show(at);
    if (shown >= 0) describe(shown);
  }

  // Other plots choose members too: to look at, to keep, or none, which brings back the kept one.
  document.addEventListener("member-chosen", ({ detail: { at, keep } }) => {
    if (keep) pin(at);
    else if (at >= 0) show(at);
    else if (pinned >= 0) show(pinned);
  });

  for (const link of document.querySelectorAll("[data-select]")) {
    link.addEventListener("click", event => {
      const at = place.get(Number(link.dataset.select));
      if (at === undefined) return;
      event.preventDefault();
      pinned = -1;
      pin(at);
    });
  }

  // ---- The table: sorting, folding, choosing.

  const body = table.tBodies[0];
  body.addEventListener("click", event => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a")) pin(place.get(Number(row.id.slice(1))));
  });

  // A sorted table that hides rows would show the wrong first ones, so sorting unfolds.
  const unfold = () => table.classList.remove("short");
  const more = document.getElementById("more");
  if (more) {
    table.classList.add("short");
    more.addEventListener("click", unfold);
  }

  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    cell.replaceChildren(button);
    const value = row => {
      const { dataset, textContent } = row.cells[column];
      return dataset.v === undefined ? textContent : Number(dataset.v);
    };
    button.addEventListener("click", () => {
      const falling = cell.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const sorted = [...body.rows].map(row => [value(row), row]);
      sorted.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      if (falling) sorted.reverse();
      body.append(...sorted.map(([, row]) => row));
      unfold();
    });
  });

  if (data.first !== null) show(place.get(data.first) ?? 0);
})();
