// Sorts a table by the column whose head is pressed; without it the tables are there, best first.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.replaceChildren(button);
    const value = row => {
      const { dataset, textContent } = row.cells[column];
      return dataset.v === undefined ? textContent : Number(dataset.v || -Infinity);
    };
    button.addEventListener("click", () => {
      const rising = cell.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const sorted = [...body.rows].map(row => [value(row), row]);
      sorted.sort(([a], [b]) => (a < b ? 1 : a > b ? -1 : 0));
      if (rising) sorted.reverse();
      body.append(...sorted.map(([, row]) => row));
    });
  });
}
