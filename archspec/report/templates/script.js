"use strict";

/* Draws the charts and sorts the tables of a report. */
const archspecReport = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const print = matchMedia("print");
  const PRINTED = 640;
  const drawn = new WeakMap();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* The figure of a chart with the colours of the page as it is shown now. */
  function figureOf(chart) {
    const { data, layout } = JSON.parse(chart.dataset.figure);
    const [ink, line, accent, paper] = ["--ink", "--line", "--accent", "--paper"].map(colour);
    const family = getComputedStyle(document.body).fontFamily;
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, color: ink };
    for (const trace of data) {
      trace.marker = { color: accent, ...trace.marker };
      trace.insidetextfont = { color: paper };
    }
    Object.assign(layout, {
      paper_bgcolor: "rgba(0, 0, 0, 0)",
      plot_bgcolor: "rgba(0, 0, 0, 0)",
      font: { color: ink, size: 12, family },
      hoverlabel: { bgcolor: colour("--ground"), bordercolor: ink, font: { color: ink, size: 12, family } },
      width: print.matches ? PRINTED : undefined,
      autosize: !print.matches,
    });
    for (const name of ["xaxis", "yaxis"]) layout[name] = { ...axis, ...layout[name] };
    return [data, layout];
  }

  const CONFIG = { displaylogo: false, displayModeBar: false, responsive: true, plotlyServerURL: "" };

  function draw(root = document, anew = false) {
    for (const chart of root.querySelectorAll(".chart")) {
      if (!anew && drawn.get(chart) === chart.dataset.figure) continue;
      drawn.set(chart, chart.dataset.figure);
      Plotly.react(chart, ...figureOf(chart), CONFIG);
    }
  }

  function sort(button) {
    const head = button.closest("th");
    const table = head.closest("table");
    const body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[head.cellIndex].dataset.order;
    const compare = (one, other) => {
      const [a, b] = [key(one), key(other)];
      const numbers = a !== "" && b !== "" && !isNaN(a) && !isNaN(b);
      return numbers ? a - b : a < b ? -1 : a > b ? 1 : 0;
    };
    const rows = [...body.rows].sort(compare);
    body.append(...(down ? rows.reverse() : rows));
  }

  /* On paper everything is open. */
  const opened = new Set();
  function beforePrint() {
    for (const details of document.querySelectorAll("details:not([open])")) {
      opened.add(details);
      details.open = true;
    }
  }
  function afterPrint() {
    for (const details of opened) details.open = false;
    opened.clear();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".sort");
    if (button) sort(button);
  });
  dark.addEventListener("change", () => draw(document, true));
  print.addEventListener("change", () => {
    if (print.matches) beforePrint();
    else afterPrint();
    draw(document, true);
  });
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", afterPrint);
  draw();
  return { draw };
})();
