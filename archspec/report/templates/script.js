"use strict";

/* Draws the charts and sorts the tables of a report. */
const archspecReport = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const print = matchMedia("print");
  const PRINTED = 640;
  const LISTED = 200;
  const drawn = new WeakMap();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* The figure of a chart with the colours of the page as it is shown now. */
  function figureOf(chart) {
    const known = JSON.parse(chart.dataset.figure);
    const { data, layout } = chart.matches(".sweep") ? sweep(known) : known;
    const [ink, line, accent, paper] = ["--ink", "--line", "--accent", "--paper"].map(colour);
    const family = getComputedStyle(document.body).fontFamily;
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, color: ink };
    for (const trace of data) {
      trace.marker = { ...trace.marker, color: trace.isFaint ? colour("--faint") : accent };
      trace.line = { color: accent, ...trace.line };
      trace.insidetextfont = { color: paper };
      delete trace.isFaint;
    }
    Object.assign(layout, {
      paper_bgcolor: "rgba(0, 0, 0, 0)",
      plot_bgcolor: "rgba(0, 0, 0, 0)",
      font: { color: ink, size: 12, family },
      hoverlabel: {
        bgcolor: colour("--ground"), bordercolor: ink, font: { color: ink, size: 12, family }, align: "left",
      },
      width: print.matches ? PRINTED : undefined,
      autosize: !print.matches,
    });
    for (const name of ["xaxis", "yaxis"]) layout[name] = { ...axis, ...layout[name] };
    return [data, layout];
  }

  const find = (id) => document.getElementById(id);
  const chosen = (id) => find(id).selectedOptions[0];

  /* The points of a sweep, and those than which none is better in what is chosen. */
  function sweep({ columns, axes, rows }) {
    const [x, y] = ["sweep-x", "sweep-y"].map((id) => columns.indexOf(chosen(id).value));
    const sign = chosen("sweep-better").value === "more" ? -1 : 1;
    const ordered = [...rows].sort((one, other) => one[x] - other[x] || sign * (one[y] - other[y]));
    let lowest = Infinity;
    const best = ordered.filter((row) => {
      const isBest = sign * row[y] < lowest;
      lowest = Math.min(lowest, sign * row[y]);
      return isBest;
    });
    const [across, upwards] = ["sweep-x", "sweep-y"].map((id) => chosen(id).textContent);
    const direction = sign < 0 ? "more" : "less";
    find("sweep-said").textContent =
      `Each point is a spec; the ${best.length} on the line have the ${sign < 0 ? "most" : "least"} ` +
      `${upwards} for their ${across}`;
    list(columns, best);
    const trace = (some, more) => ({
      type: "scatter",
      x: some.map((row) => row[x]),
      y: some.map((row) => row[y]),
      hovertext: some.map((row) => describe(columns, row)),
      hoverinfo: "text",
      ...more,
    });
    const title = (words, place) => {
      // Units of thousands; what is smaller, as an accuracy, is written as it is.
      const isLarge = rows.some((row) => Math.abs(row[place]) >= 1000);
      return { title: { text: plain(words) }, tickformat: isLarge ? "~s" : "", automargin: true };
    };
    return {
      data: [
        trace(rows, { mode: "markers", marker: { size: 5 }, isFaint: true }),
        trace(best, { mode: "lines+markers", marker: { size: 8 }, line: { shape: "hv", width: 1.5 } }),
      ],
      layout: {
        height: 480, showlegend: false, hovermode: "closest", margin: { l: 60, r: 20, t: 10, b: 50 },
        xaxis: title(`${across} →`, x), yaxis: title(`${upwards} (${direction} is better) →`, y),
      },
    };
  }

  const shown = (value) => (Number.isInteger(value) ? value.toLocaleString("en") : String(value ?? ""));

  /* A text in which Plotly finds no markup. */
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /* What a point is, line by line. */
  function describe(columns, row) {
    return columns.map((name, place) => plain(`${name}: ${shown(row[place])}`)).join("<br>");
  }

  /* The best points as a table. */
  function list(columns, best) {
    const { tHead, tBodies } = find("sweep-best");
    const cell = (name, text, className) => {
      const made = document.createElement(name);
      made.textContent = text;
      made.className = className;
      return made;
    };
    const isNumber = columns.map((_, place) => best.every((row) => typeof row[place] === "number"));
    const line = (name, values) => {
      const made = document.createElement("tr");
      made.append(...values.map((value, place) => cell(name, value, isNumber[place] ? "number" : "")));
      return made;
    };
    tHead.replaceChildren(line("th", columns));
    tBodies[0].replaceChildren(...best.slice(0, LISTED).map((row) => line("td", row.map(shown))));
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
  document.addEventListener("change", (event) => {
    if (event.target.closest(".choices")) draw(find("sweep"), true);
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
