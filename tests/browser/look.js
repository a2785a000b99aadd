/* What the tests ask of a page: `look.contrasts()` and the like. */
window.look = (() => {
  const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);

  function luminance(colour) {
    const [r, g, b] = numbers(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  const isClear = (colour) => colour === "none" || numbers(colour)[3] === 0;

  /* The colour under the middle of a text: of the shape drawn last before it, or of an element. */
  function ground(element, area) {
    const [x, y] = [area.left + area.width / 2, area.top + area.height / 2];
    const svg = element.closest("svg");
    if (svg) {
      const shapes = [...svg.querySelectorAll("rect, .point path")].filter((shape) => {
        const place = shape.getBoundingClientRect();
        const under = place.left <= x && x <= place.right && place.top <= y && y <= place.bottom;
        const isBefore = shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
        return under && isBefore && !isClear(getComputedStyle(shape).fill)
          && getComputedStyle(shape).fillOpacity !== "0";
      });
      if (shapes.length) return getComputedStyle(shapes.at(-1)).fill;
    }
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!isClear(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  }

  /* The contrast of every text that is shown with what is behind it. */
  function contrasts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.nodeValue.trim() || element.closest("script, style, title, desc, caption, .skip")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const area = range.getBoundingClientRect();
      const style = getComputedStyle(element);
      if (!area.width || style.visibility === "hidden" || style.opacity === "0") continue;
      const ink = element.closest("svg") ? style.fill : style.color;
      found.push([node.nodeValue.trim(), contrast(ink, ground(element, area))]);
    }
    return found;
  }

  /* Texts of a diagram that stand out of the rectangle before them, or on one another. */
  function spilt() {
    const found = [];
    for (const group of document.querySelectorAll("svg.net g")) {
      const box = group.querySelector("rect").getBBox();
      for (const text of group.querySelectorAll("text")) {
        const { x, width, y, height } = text.getBBox();
        const fits = box.x <= x && x + width <= box.x + box.width
          && box.y <= y && y + height <= box.y + box.height;
        if (!fits) found.push([text.textContent, width, box.width]);
      }
    }
    const texts = [...document.querySelectorAll("svg.net text")];
    const places = texts.map((text) => text.getBBox());
    for (const [one, a] of places.entries()) {
      for (const [other, b] of places.slice(0, one).entries()) {
        const meet = a.x < b.x + b.width && b.x < a.x + a.width && a.y + 2 < b.y + b.height && b.y + 2 < a.y + a.height;
        if (meet) found.push([texts[one].textContent, texts[other].textContent]);
      }
    }
    return found;
  }

  /* How an element is called, for lists of what has the focus. */
  function named(element) {
    const words = (element.getAttribute("aria-label") || element.textContent).trim();
    return `${element.localName} ${words.slice(0, 40)}`;
  }

  const CAN_FOCUS = "a[href], button, summary, select, input, [tabindex='0']";
  const isShown = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const focusable = () => [...document.querySelectorAll(CAN_FOCUS)].filter(isShown).map(named);

  /* What has the focus, and whether that is to be seen. */
  function focus() {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return [named(element), outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
  }

  return { contrasts, focusable, focus, spilt };
})();
