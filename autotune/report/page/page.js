"use strict";
(() => {
  const root = document.documentElement;
  const every = (what, where = document) => Array.from(where.querySelectorAll(what));
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // A page opened from a disk may be refused a memory of its own.
  const kept = { get() { try { return localStorage.getItem("autotune-theme"); } catch { return null; } },
    set(theme) { try { localStorage.setItem("autotune-theme", theme); } catch { /* not kept */ } } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  if (kept.get()) root.dataset.theme = kept.get();
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept.set(root.dataset.theme);
    repaint();
  });
  system.addEventListener("change", () => repaint());

  // Copying: the clipboard where there is one, else a selection that the reader copies.
  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const chosen = getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
  };
  const copied = (button, word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = "copy"; }, 1600);
  };
  every(".copy").forEach((button) => button.addEventListener("click", async () => {
    const code = button.closest(".command").querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      copied(button, "copied");
    } catch {
      select(code);
      copied(button, document.execCommand("copy") ? "copied" : "selected");
    }
  }));

  // Tables: ordered by a column, filtered by what a row stands for and by words.
  const value = (row, at) => {
    const cell = row.cells[at];
    return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent;
  };
  const absent = (found) => found === "–" || found === "";
  const compare = (a, b, way) => {
    if (absent(a) || absent(b)) return absent(a) - absent(b);
    if (typeof a === "number" && typeof b === "number") return way * (a - b);
    return way * String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  const order = (table, head, at) => {
    const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    every("th", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    const rows = Array.from(table.tBodies[0].rows);
    rows.sort((a, b) => compare(value(a, at), value(b, at), way));
    table.tBodies[0].append(...rows);
  };
  every("table.sorts").forEach((table) => {
    every("th", table).forEach((head, at) => {
      const button = head.querySelector("button");
      if (button) button.addEventListener("click", () => order(table, head, at));
    });
    const block = table.closest(".grid-block");
    const [choice, search] = [block.querySelector("select"), block.querySelector("input")];
    const rows = Array.from(table.tBodies[0].rows);
    const words = rows.map((row) => row.textContent.toLowerCase());
    const apply = () => {
      const mark = choice ? choice.value : "", text = search.value.trim().toLowerCase();
      let shown = 0;
      rows.forEach((row, at) => {
        const fits = (!mark || row.className === mark) && words[at].includes(text);
        row.hidden = !fits;
        shown += fits;
      });
      const some = shown < rows.length;
      block.querySelector(".shown").textContent = some ? `${shown} of ${rows.length} rows` : "";
    };
    if (choice) choice.addEventListener("change", apply);
    search.addEventListener("input", apply);
  });

  // On paper the numbers below a figure are open; behind it those are closed that were.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = every("details:not([open])");
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.splice(0).forEach((one) => { one.open = false; }));

  // Figures: Plotly is unpacked when the first one comes near, and draws those that are looked at.
  const packed = document.getElementById("plotly");
  const data = document.getElementById("figures");
  if (!packed || !data || typeof DecompressionStream === "undefined") return;
  const figures = JSON.parse(data.textContent);
  let loading = null;
  const unpack = async () => {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    packed.remove();
  };
  const library = () => (loading ??= unpack());

  const painted = (figure) => {
    const [ink, soft, line, ground] =
      ["--ink", "--soft", "--line", "--panel"].map(colour);
    const traces = figure.data.map((trace) => {
      const own = colour(`--c-${trace.meta}`);
      const made = { ...trace, marker: { ...trace.marker, color: own } };
      if (made.marker.line) made.marker.line = { ...made.marker.line, color: own };
      if (made.marker.pattern) made.marker.pattern = { ...made.marker.pattern, fgcolor: ground };
      if (trace.line) made.line = { ...trace.line, color: own };
      if (trace.error_x) made.error_x = { ...trace.error_x, color: own };
      if (trace.fill) made.fillcolor = `${own}44`;
      if (typeof trace.text === "number") made.text = figure.told[trace.text];
      return made;
    });
    const layout = { ...figure.layout, paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)", font: { ...figure.layout.font, color: ink,
        family: "system-ui, Segoe UI, Helvetica, Arial, sans-serif" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: ink },
      hoverlabel: { bgcolor: ground, bordercolor: soft, font: { color: ink }, align: "left" },
      shapes: (figure.layout.shapes || []).map((one) => ({ ...one, line: { ...one.line, color: soft } })) };
    Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).forEach((name) => {
      layout[name] = { ...layout[name], gridcolor: line, zerolinecolor: line, linecolor: line };
    });
    return [traces, layout];
  };
  // Also after printing and turning a phone, which a window's own event does not always tell.
  const resized = new ResizeObserver((seen) => seen.forEach(({ target }) => {
    const drawn = target.dataset.drawn && target.offsetParent !== null;
    if (drawn && target.clientWidth !== target.querySelector(".main-svg").clientWidth)
      window.Plotly.Plots.resize(target);
  }));
  const settings = { displaylogo: false, displayModeBar: "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const draw = async (place) => {
    await library();
    const [traces, layout] = painted(figures[place.dataset.plot]);
    place.closest("figure").classList.add("on");
    await window.Plotly.react(place, traces, layout, settings);
    place.dataset.drawn = "1";
    resized.observe(place);
  };
  const places = every("[data-plot]");
  const repaint = () => places.filter((place) => place.dataset.drawn).forEach(draw);
  const watch = new IntersectionObserver((seen) => seen.forEach((one) => {
    if (!one.isIntersecting) return;
    watch.unobserve(one.target);
    draw(one.target.querySelector("[data-plot]"));
  }), { rootMargin: "300px" });
  places.forEach((place) => watch.observe(place.closest("figure")));
})();
