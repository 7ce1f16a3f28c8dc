// The plots besides the front: a card that follows the pointer, and arrow keys that walk from item to item.
// What is said of an item is its label, which readers without a pointer get as well.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const svgNamespace = "http://www.w3.org/2000/svg";
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);

  function tell(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const room = document.documentElement;
    const left = Math.min(x + 14, room.clientWidth - width - 8);
    const top = y + 18 + height > room.clientHeight ? y - height - 12 : y + 18;
    tip.style.transform = "translate(" + Math.max(left, 8) + "px," + Math.max(top, 8) + "px)";
  }
  const hush = () => { tip.hidden = true; };
  // Not on every scroll: an item that the keyboard goes to may have to scroll into view.
  for (const type of ["wheel", "touchmove"]) addEventListener(type, hush, { passive: true });

  // Steps through `count` places of an element with the arrow keys; `go` shows one.
  function walk(element, count, go, leave) {
    let at = -1;
    element.addEventListener("keydown", event => {
      if (event.target !== element) return;
      const last = count() - 1;
      const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last };
      if (event.key in steps && last >= 0) {
        at = Math.min(Math.max(steps[event.key], 0), last);
        go(at);
      } else if (event.key === "Escape") {
        leave();
      } else {
        return;
      }
      event.preventDefault();
    });
    element.addEventListener("blur", leave);
    return place => { at = place; };
  }

  // ---- Choices and importance: items of markup.

  for (const group of document.querySelectorAll(".walk")) {
    const items = () => [...group.querySelectorAll(".item")].filter(item => item.offsetParent);
    let current = null;
    const mark = item => {
      if (current) current.classList.remove("current");
      current = item;
      if (item) item.classList.add("current");
    };
    const leave = () => { mark(null); hush(); };
    const set = walk(group, () => items().length, at => {
      const item = items()[at];
      item.scrollIntoView({ block: "nearest" });
      mark(item);
      const box = item.getBoundingClientRect();
      tell(item.getAttribute("aria-label"), box.x, box.bottom - 8);
    }, leave);
    group.addEventListener("pointermove", event => {
      const item = event.target.closest(".item");
      if (item) tell(item.getAttribute("aria-label"), event.clientX, event.clientY);
      else hush();
    });
    group.addEventListener("pointerdown", event => {
      const item = event.target.closest(".item");
      if (item) set(items().indexOf(item));
    });
    group.addEventListener("pointerleave", hush);
  }

  // ---- Drawings.

  const shape = (svg, tag, className, attributes) => {
    const element = svg.appendChild(document.createElementNS(svgNamespace, tag));
    element.setAttribute("class", className);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const scaleOf = svg => svg.viewBox.baseVal.width / Number(svg.getAttribute("width"));
  const drawings = id => [...document.querySelectorAll(id + " svg")];
  const visible = svg => svg.getBoundingClientRect().width > 0;
  const within = (svg, event) => {
    const matrix = svg.getScreenCTM();
    if (!matrix) return null;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const scale = scaleOf(svg);
    return [x / scale, y / scale];
  };
  const onScreen = (svg, [x, y]) => {
    const matrix = svg.getScreenCTM(), scale = scaleOf(svg);
    return matrix ? new DOMPoint(x * scale, y * scale).matrixTransform(matrix) : { x: 0, y: 0 };
  };

  const course = document.getElementById("course");
  if (course && data.figures.course) {
    const steps = data.figures.steps;
    const number = value => value.toLocaleString("en");
    const label = ([evaluations, share, members]) => "After " + number(evaluations) + " networks: " + (100 * share).toFixed(1)
      + " % of the final hypervolume, " + number(members) + (members === 1 ? " member" : " members") + " on the front";
    const plots = drawings("#course").map((svg, which) => {
      const frame = data.figures.course[which], scale = scaleOf(svg);
      const line = shape(svg, "line", "cursor", { "stroke-width": scale, visibility: "hidden" });
      const dot = shape(svg, "circle", "cursor-dot", { r: 5 * scale, "stroke-width": 1.5 * scale, visibility: "hidden" });
      svg.setAttribute("role", "group");
      return { svg, frame, scale, line, dot };
    });
    const place = ({ frame }, [evaluations, share]) => [
      frame.left + frame.width * evaluations / frame.evaluations,
      frame.top + frame.height * (1 - (share - frame.ends[0]) / (frame.ends[1] - frame.ends[0])),
    ];
    const show = at => {
      for (const plot of plots) {
        const [x, y] = place(plot, steps[at]).map(v => v * plot.scale);
        for (const [key, value] of Object.entries({ x1: x, x2: x, y1: plot.frame.top * plot.scale, y2: (plot.frame.top + plot.frame.height) * plot.scale })) {
          plot.line.setAttribute(key, value);
        }
        plot.dot.setAttribute("cx", x);
        plot.dot.setAttribute("cy", y);
        plot.line.setAttribute("visibility", "visible");
        plot.dot.setAttribute("visibility", "visible");
      }
    };
    const leave = () => {
      for (const { line, dot } of plots) for (const mark of [line, dot]) mark.setAttribute("visibility", "hidden");
      hush();
    };
    const set = walk(course, () => steps.length, at => {
      show(at);
      const plot = plots.find(({ svg }) => visible(svg)) || plots[0];
      const { x, y } = onScreen(plot.svg, place(plot, steps[at]));
      tell(label(steps[at]), x, y);
    }, leave);
    for (const plot of plots) {
      plot.svg.addEventListener("pointermove", event => {
        const at = within(plot.svg, event);
        if (!at) return;
        const evaluations = (at[0] - plot.frame.left) / plot.frame.width * plot.frame.evaluations;
        // The last step that had been taken by then.
        let step = steps.findLastIndex(([reached]) => reached <= evaluations);
        step = Math.max(step, 0);
        set(step);
        show(step);
        tell(label(steps[step]), event.clientX, event.clientY);
      });
      plot.svg.addEventListener("pointerleave", leave);
    }
  }

  const parallel = document.getElementById("parallel");
  if (parallel && data.figures.parallel) {
    const rows = data.members.map(member => document.getElementById("m" + member.index));
    const titles = data.objectives.map(({ name, unit }) => [name, unit === "1" ? "" : " " + unit]);
    const label = at => {
      const cells = rows[at].cells, remark = cells[cells.length - 3].textContent.trim();
      const values = titles.map(([name, unit], index) => name + " " + cells[index + 1].textContent + unit);
      return "#" + cells[0].textContent + (remark ? " (" + remark + ")" : "") + ": " + values.join(", ");
    };
    const plots = drawings("#parallel").map((svg, which) => {
      const axes = data.figures.parallel[which], scale = scaleOf(svg);
      const [from, to] = axes.span;
      const lines = data.members.map(({ values }) => values.map((value, axis) => {
        const [worst, best] = axes.ends[axis];
        return from + (value - worst) / (best - worst) * (to - from);
      }));
      // Below the lines of knee and best member, which keep their colours inside it.
      const above = svg.querySelector(".layer-landmarks") || svg.querySelector(".layer-words");
      const lit = [["lit under", 6], ["lit", 3]].map(([name, width]) => {
        const line = shape(svg, "polyline", name, { "stroke-width": width * scale });
        svg.insertBefore(line, above);
        return { line, width: width * scale };
      });
      svg.setAttribute("role", "group");
      return { svg, axes, scale, lines, lit };
    });
    const points = ({ axes }, line) => line.map((along, axis) => (axes.upright ? [axes.at[axis], along] : [along, axes.at[axis]]));
    // The member that the page shows, whoever chose it.
    const show = at => {
      for (const plot of plots) {
        const text = points(plot, plot.lines[at]).map(([x, y]) => x * plot.scale + "," + y * plot.scale).join(" ");
        const landmark = /best|knee/.test(rows[at].className);
        for (const { line, width } of plot.lit) {
          line.setAttribute("points", text);
          line.setAttribute("stroke-width", landmark ? width + 5 * plot.scale : width);
        }
      }
    };
    document.addEventListener("member-shown", event => show(event.detail));
    const choose = (at, keep) => document.dispatchEvent(new CustomEvent("member-chosen", { detail: { at, keep } }));
    const leave = () => {
      parallel.classList.remove("exploring");
      hush();
    };
    const set = walk(parallel, () => rows.length, at => {
      choose(at, false);
      parallel.classList.add("exploring");
      const plot = plots.find(({ svg }) => visible(svg)) || plots[0];
      const { x, y } = onScreen(plot.svg, points(plot, plot.lines[at])[0]);
      tell(label(at), x, y);
    }, leave);
    for (const { svg, axes, lines } of plots) {
      const nearest = event => {
        const at = within(svg, event);
        if (!at) return -1;
        const [across, along] = axes.upright ? at : [at[1], at[0]];
        const right = axes.at.findIndex(place => place >= across);
        const next = right < 0 ? axes.at.length - 1 : Math.max(right, 1);
        const share = Math.min(Math.max((across - axes.at[next - 1]) / (axes.at[next] - axes.at[next - 1]), 0), 1);
        let best = -1, least = 24;
        lines.forEach((line, index) => {
          const distance = Math.abs(line[next - 1] + share * (line[next] - line[next - 1]) - along);
          if (distance < least) [best, least] = [index, distance];
        });
        return best;
      };
      svg.addEventListener("pointermove", event => {
        const at = nearest(event);
        svg.style.cursor = at < 0 ? "" : "pointer";
        if (at < 0) return leave();
        set(at);
        parallel.classList.add("exploring");
        choose(at, false);
        tell(label(at), event.clientX, event.clientY);
      });
      svg.addEventListener("pointerleave", () => {
        leave();
        choose(-1, false);
      });
      svg.addEventListener("click", event => {
        const at = nearest(event);
        if (at >= 0) choose(at, true);
      });
    }
  }
})();
