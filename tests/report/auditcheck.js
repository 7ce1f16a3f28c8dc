// Looks at the page of an audit from within, and leaves what it finds in the document.
(() => {
  const facts = {};
  const visible = element => element.getClientRects().length > 0;
  facts.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  facts.resources = performance.getEntriesByType("resource").map(entry => entry.name);
  facts.untitled = [...document.querySelectorAll("svg")].filter(svg => !svg.querySelector("title")?.textContent).length;
  facts.panels = [...document.querySelectorAll(".panels svg")].filter(visible).length;
  const table = document.querySelector("table.sortable");
  const column = () => [...table.tBodies[0].rows].map(row => Number(row.cells[1].dataset.v));
  const button = table.tHead.rows[0].cells[1].querySelector("button");
  button.click();
  const falling = column();
  button.click();
  const rising = column();
  facts.rows = rising.length;
  facts.sorted = falling.every((v, i) => !i || falling[i - 1] >= v) && rising.every((v, i) => !i || rising[i - 1] <= v)
    && falling[0] > rising[0];
  // Violations of the policy are reported in a later task.
  setTimeout(() => {
    facts.trouble = window.trouble;
    const out = document.createElement("pre");
    out.textContent = "FACTS" + btoa(unescape(encodeURIComponent(JSON.stringify(facts)))) + "END";
    document.body.append(out);
  }, 300);
})();
