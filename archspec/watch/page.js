"use strict";

const find = (id) => document.getElementById(id);

/* Makes `old` what `fresh` is and keeps all nodes that stay: what is open, chosen, scrolled or in
   focus stays so. */
function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  const isDrawn = old.matches(".chart");
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isKept(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    // What draws a chart has a class of its own at it.
    if (old.getAttribute(name) !== value && !(isDrawn && name === "class")) {
      old.setAttribute(name, value);
    }
  }
  if (!isDrawn) morphChildren(old, fresh);
}

/* What the reader does, not the report: which details are open, what a table is sorted by. */
const isKept = (name) => name === "open" || name === "aria-sort";

const isAlike = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id;

function morphChildren(old, fresh) {
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    if (at && isAlike(at, next)) {
      morph(at, next);
      at = at.nextSibling;
    } else {
      old.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function put(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(element, template.content);
}

/* The rows have come in the order of the spec. */
function sortAgain(root) {
  for (const head of root.querySelectorAll("[aria-sort]")) {
    // A click turns the order round.
    const isDown = head.getAttribute("aria-sort") === "descending";
    head.setAttribute("aria-sort", isDown ? "ascending" : "descending");
    head.querySelector(".sort").click();
  }
}

function show(state) {
  put(find("problems"), state.wrong);
  put(find("report"), state.report);
  sortAgain(find("report"));
  // The numbers need not wait for the charts.
  requestAnimationFrame(() => setTimeout(() => archspecReport.draw(find("report"))));
  find("title").textContent = state.title;
  find("time").textContent = new Date().toLocaleTimeString();
  document.body.dataset.id = state.id;
  document.body.dataset.problems = state.problems;
  document.body.dataset.stale = state.stale;
  mark();
}

/* The title of the page and the link say how many problems there are. */
function mark() {
  const count = Number(document.body.dataset.problems);
  const words = `${count} problem${count > 1 ? "s" : ""}`;
  find("jump").textContent = count ? words : "";
  document.title = count ? `${words}: ${find("title").textContent}` : find("title").textContent;
}

function tell(state) {
  document.body.dataset.state = state;
  find("state").textContent = state;
}

function listen() {
  const source = new EventSource("events");
  source.onopen = () => tell("live");
  source.onmessage = (event) => {
    const state = JSON.parse(event.data);
    if (state.id !== document.body.dataset.id) show(state);
  };
  source.onerror = () => {
    tell("disconnected");
    // A browser tries again by itself, unless what answered was no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  };
}

mark();
listen();
