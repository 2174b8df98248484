"use strict";
(() => {
  const sections = JSON.parse(document.getElementById("facts").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const clear = (hex, share) => hex + Math.round(255 * share).toString(16).padStart(2, "0");
  // plotly reads a few tags and entities in texts: names must stay what they are
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (text, most = 40) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const told = (value) => value.toFixed(3);
  const narrow = () => window.innerWidth < 480;
  const marks = {
    circle: "●", square: "■", "triangle-up": "▲", diamond: "◆", "triangle-down": "▼", cross: "✚", x: "✖", star: "★",
  };
  const hidden = sections.map(({ strategies }) => new Set(strategies.filter((one) => !one.leading).map((one) => one.label)));
  const drawn = new Set();

  function layout(x, y, more = {}) {
    const axis = { gridcolor: colour("rule"), linecolor: colour("quiet"), zeroline: false, automargin: true };
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      margin: { l: 52, r: 14, t: 14, b: 46 },
      hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("quiet"), font: { color: colour("ink") }, namelength: -1 },
      showlegend: false,
      hovermode: "closest",
      ...more,
      xaxis: { title: { text: x }, ...axis, ...more.xaxis },
      yaxis: { title: { text: y }, ...axis, ...more.yaxis },
    };
  }

  // an axis of scores: all of them, and a little room
  function around(scores) {
    if (!scores.length) return [0, 1];
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    const room = Math.max(0.01, 0.12 * (high - low));
    return [low - room, high + room];
  }

  function curves(section, number) {
    const bands = []; // below all lines
    const traces = [];
    const shows = (key) => !hidden[number].has(key);
    section.joint.forEach(({ label, curve }, place) => {
      const name = plain(label.replace("joint", "joint reference"));
      if (shows(`joint ${label}`)) add(curve, name, colour("quiet"), { dash: ["dash", "dashdot", "dot"][place % 3] }, null);
    });
    for (const one of section.strategies.filter(({ label }) => shows(label))) {
      const look = one.mark && { symbol: one.mark + (one.ranked ? "" : "-open"), size: 7 };
      add(one.curve, plain(one.label), colour(`c${one.colour}`), { dash: one.dash }, look);
    }
    function add(curve, name, shade, line, marker) {
      if (curve.low) {
        bands.push({
          x: [...curve.classes, ...[...curve.classes].reverse()], y: [...curve.high, ...[...curve.low].reverse()],
          fill: "toself", fillcolor: clear(shade, 0.12), line: { width: 0 }, mode: "lines", hoverinfo: "skip",
        });
      }
      traces.push({
        x: curve.classes, y: curve.mean, name,
        mode: marker ? "lines+markers" : "lines", marker: { ...marker, color: shade },
        line: { ...line, color: shade, width: 2 },
        customdata: curve.classes.map((_, i) => (curve.low ? ` (${told(curve.low[i])} … ${told(curve.high[i])})` : "")),
        hovertemplate: `%{y:.3f}%{customdata}<br>%{x} ${section.units} seen<extra>%{fullData.name}</extra>`,
      });
    }
    const range = around(traces.flatMap(({ y }) => y)); // not of bands: those of few seeds reach farther than a score can
    const shape = layout(`${section.units} seen`, `${section.score} on all ${section.units} seen`, { yaxis: { range } });
    return [[...bands, ...traces], shape];
  }

  function legend(section, number) {
    const box = document.querySelector(`[data-legend="${number}"]`);
    const entries = [
      ...section.strategies.map((one) => [one.label, one.label, `c${one.colour}`, marks[one.mark]]),
      ...section.joint.map(({ label }) => [`joint ${label}`, label.replace("joint", "joint reference"), "quiet", "┅"]),
    ];
    const buttons = new Map();
    const show = (keys, shown) => {
      for (const key of keys) {
        buttons.get(key).setAttribute("aria-pressed", String(shown));
        hidden[number][shown ? "delete" : "add"](key);
      }
      const plot = document.querySelector(`[data-plot="curves"][data-section="${number}"]`);
      if (drawn.has(plot)) draw(plot);
    };
    for (const [key, label, shade, mark] of entries) {
      const button = element("button", null, { type: "button", "aria-pressed": String(!hidden[number].has(key)) });
      const swatch = element("i", mark, { "aria-hidden": "true" });
      swatch.style.color = `var(--${shade})`;
      button.append(swatch, label);
      button.addEventListener("click", () => show([key], hidden[number].has(key)));
      buttons.set(key, button);
      box.append(button);
    }
    if (section.strategies.every((one) => one.leading)) return;
    for (const [text, shown] of [["Show all", true], ["Hide all", false]]) {
      const button = element("button", text, { type: "button", class: "all" });
      button.addEventListener("click", () => show(buttons.keys(), shown));
      box.append(button);
    }
  }

  // a logarithmic axis on which zero has a place of its own, a decade below the least other number
  function logarithmic(values) {
    const positive = values.filter((value) => value > 0);
    if (!positive.length) return { at: (value) => value, axis: {} };
    const least = 10 ** (Math.floor(Math.log10(Math.min(...positive))) - 1);
    const most = Math.max(...positive);
    const zero = values.some((value) => value <= 0);
    const decades = Math.log10(most / least);
    const step = Math.ceil(decades / (narrow() ? 4 : 7));
    const within = decades < 3 ? (decades < 2 ? [1, 2, 3, 5] : [1, 3]) : [1];
    const ticks = [];
    for (let tick = least; tick <= most * 2; tick *= 10 ** step) ticks.push(...within.map((digit) => digit * tick));
    if (zero) ticks.splice(0, within.length); // where zero stands
    const text = (value) => value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });
    const low = Math.log10(zero ? least * 0.6 : Math.min(...positive) * 0.6);
    return {
      at: (value) => Math.max(value, least),
      axis: {
        type: "log", range: [low, Math.log10(most * 1.8)],
        tickvals: [...(zero ? [least] : []), ...ticks], ticktext: [...(zero ? ["0"] : []), ...ticks.map(text)],
      },
    };
  }

  function costs(section, name) {
    const known = section.strategies.filter((one) => one.costs[name] !== null);
    const { at, axis } = logarithmic(known.map((one) => one.costs[name]));
    const best = section.front[name].map((label) => known.find((one) => one.label === label));
    const line = {
      x: best.map((one) => at(one.costs[name])), y: best.map((one) => one.final.mean), mode: "lines", hoverinfo: "skip",
      line: { color: colour("quiet"), width: 1, dash: "dot" },
    };
    const points = known.map((one) => {
      const cost = one.costs[name];
      const shade = colour(`c${one.colour}`);
      return {
        x: [at(cost)], y: [one.final.mean], mode: "markers+text", name: plain(one.label),
        text: [best.includes(one) ? String(section.strategies.indexOf(one) + 1) : ""], textposition: "top right", cliponaxis: false,
        marker: { color: shade, size: 10, symbol: one.mark + (one.ranked ? "" : "-open") },
        error_y: { type: "data", array: one.final.low === null ? [] : [one.final.high - one.final.mean], color: clear(shade, 0.45), thickness: 1, width: 0 },
        customdata: [cost.toLocaleString("en", { maximumSignificantDigits: 6 })],
        hovertemplate: `${section.score} %{y:.3f}<br>${name} %{customdata}<extra>%{fullData.name}</extra>`,
      };
    });
    const range = around(known.map(({ final }) => final.mean));
    return [[line, ...points], layout(name, `final ${section.score}`, { xaxis: axis, yaxis: { range } })];
  }

  function published(section) {
    const shade = colour("quiet");
    const traces = [{
      x: section.published.map((one) => one.megabytes), y: section.published.map((one) => one.accuracy),
      text: section.published.map((one) => `${one.name} (${one.growth}×)`), mode: "markers+text", textposition: ["top left", "top left", "bottom left", "bottom left"],
      marker: { color: shade, size: 10, symbol: "diamond" }, name: "published, another protocol",
      cliponaxis: false,
      hovertemplate: "%{text}<br>accuracy %{y:.3f}<br>%{x} MB<extra>%{fullData.name}</extra>",
    }];
    for (const one of section.ours) {
      const growth = one.growth ? `, grown to ${one.growth.toFixed(2)}×` : "";
      traces.push({
        x: [one.megabytes], y: [one.accuracy], mode: "markers", name: plain(one.strategy),
        marker: { color: colour("c0"), size: 9, symbol: "circle-open" },
        customdata: [plain(one.stream)],
        hovertemplate: `accuracy %{y:.3f}, the task told<br>%{x:.3g} MB${growth}<br>on %{customdata}<extra>%{fullData.name}</extra>`,
      });
    }
    const sizes = traces.flatMap((trace) => trace.x);
    const range = [Math.log10(Math.min(...sizes) / 1.8), Math.log10(Math.max(...sizes) * 1.8)];
    const shape = { xaxis: { type: "log", range, dtick: 1 }, yaxis: { range: around(traces.flatMap((trace) => trace.y)) } };
    return [traces, layout("megabytes", "accuracy, the task told", shape)];
  }

  const chosen = (number, what) => document.querySelector(`[data-choose="${what}"][data-section="${number}"]`);

  function shownMatrix(section, number) {
    const strategy = section.strategies[chosen(number, "strategy").value];
    const seed = strategy.seeds[chosen(number, "seed").value];
    const kind = chosen(number, "kind");
    return [strategy, seed, seed[kind ? kind.value : "matrix"]];
  }

  function matrix(section, number) {
    const [strategy, seed, values] = shownMatrix(section, number);
    const total = values.length;
    const places = Array.from({ length: total }, (_, i) => i + 1);
    const known = values.flat().filter((value) => value !== null);
    const trace = {
      type: "heatmap", x: places, y: places, z: values, xgap: 1, ygap: 1, hoverongaps: false,
      zmin: Math.min(0, ...known), zmax: Math.max(1, ...known),
      colorscale: [[0, colour("low")], [1, colour("high")]], colorbar: { thickness: 12, outlinewidth: 0, len: 0.9 },
      customdata: values.map((row) => row.map((_, j) => plain(short(seed.tasks[j], 60)))), name: plain(strategy.label),
      hovertemplate: "%{z:.3f} on task %{x} (%{customdata})<br>after task %{y}<extra></extra>",
    };
    if (total <= 10 && !narrow()) {
      trace.text = values.map((row) => row.map((value) => (value === null ? "" : value.toFixed(2))));
      trace.texttemplate = "%{text}";
    }
    const ticks = { dtick: Math.ceil(total / 20), tick0: 1, showgrid: false };
    return [[trace], layout("score on task", "after task", { xaxis: ticks, yaxis: { ...ticks, autorange: "reversed" } })];
  }

  function element(tag, text, attributes = {}) {
    const made = document.createElement(tag);
    if (text !== null) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function table(caption, headings, lines) {
    const made = element("table", null, { class: "sortable" });
    made.append(element("caption", null));
    made.caption.append(element("span", caption));
    const head = element("tr", null);
    for (const heading of headings) {
      const cell = element("th", null, { scope: "col", "aria-sort": "none" });
      const button = element("button", heading, { type: "button" });
      button.append(element("span", null, { "aria-hidden": "true" }));
      cell.append(button);
      head.append(cell);
    }
    made.append(element("thead", null));
    made.tHead.append(head);
    const body = element("tbody", null);
    for (const line of lines) {
      const row = element("tr", null);
      line.forEach(([text, value], i) => {
        row.append(element(i ? "td" : "th", text, { "data-value": value ?? "", ...(i ? {} : { scope: "row" }) }));
      });
      body.append(row);
    }
    made.append(body);
    sortable(made);
    return made;
  }

  function matrixTable(section, number) {
    const [strategy, seed, values] = shownMatrix(section, number);
    const lines = values.map((row, i) => [
      [`${i + 1}: ${short(seed.tasks[i], 60)}`, i + 1],
      ...row.map((value) => [value === null ? "" : value.toFixed(3), value]),
    ]);
    const made = table(`${strategy.label}, seed ${seed.seed}`, ["after task", ...values.map((_, i) => `on ${i + 1}`)], lines);
    document.querySelector(`[data-table="matrix"][data-section="${number}"]`).replaceChildren(made);
  }

  function classTable(section, number) {
    const box = document.querySelector(`[data-table="classes"][data-section="${number}"]`);
    if (!box) return;
    const strategy = section.strategies[chosen(number, "classes").value];
    const lines = strategy.classes.map(([name, after, end]) => [
      [name, name], [after.toFixed(3), after], [end.toFixed(3), end],
      [`${end - after > 0 ? "+" : end < after ? "−" : ""}${Math.abs(end - after).toFixed(3)}`, end - after],
    ]);
    const made = table(
      `Accuracy of each class under ${strategy.label}, all classes seen competing: right after it was learned, and at the end; means over seeds.`,
      ["class", "when learned", "at the end", "change"], lines,
    );
    const most = Math.max(1e-9, ...strategy.classes.map(([, after, end]) => Math.abs(end - after)));
    for (const row of made.tBodies[0].rows) {
      const change = Number(row.cells[3].dataset.value);
      const bar = element("span", null, { class: "bar", "aria-hidden": "true" });
      bar.style.width = `${(6 * Math.abs(change)) / most}em`;
      bar.style.background = change < 0 ? "var(--c3)" : "var(--c2)";
      const cell = element("td", null, { class: "name", "aria-hidden": "true" });
      cell.append(bar);
      row.append(cell);
    }
    made.tHead.rows[0].append(element("td", null, { "aria-hidden": "true" }));
    box.replaceChildren(made);
  }

  function choices(section, number) {
    const fill = (select, labels) => select.replaceChildren(...labels.map((label, i) => element("option", label, { value: i })));
    const strategy = chosen(number, "strategy");
    const seed = chosen(number, "seed");
    fill(strategy, section.strategies.map((one) => one.label));
    const seeds = () => fill(seed, section.strategies[strategy.value].seeds.map((one) => one.seed));
    const again = () => {
      const plot = document.querySelector(`[data-plot="matrix"][data-section="${number}"]`);
      if (drawn.has(plot)) draw(plot);
      matrixTable(section, number);
    };
    seeds();
    strategy.addEventListener("change", () => { seeds(); again(); });
    for (const select of [seed, chosen(number, "kind")]) select?.addEventListener("change", again);
    matrixTable(section, number);
    const classes = chosen(number, "classes");
    if (!classes) return;
    section.strategies.forEach((one, i) => one.classes.length && classes.append(element("option", one.label, { value: i })));
    classes.addEventListener("change", () => classTable(section, number));
    classTable(section, number);
  }

  function draw(plot) {
    const number = Number(plot.dataset.section);
    const section = sections[number];
    const what = plot.dataset.plot;
    const [traces, shape] =
      what === "curves" ? curves(section, number)
        : what === "published" ? published(section)
          : what === "matrix" ? matrix(section, number)
            : costs(section, what);
    drawn.add(plot);
    const buttons = ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"];
    return Plotly.react(plot, traces, shape, { responsive: true, displaylogo: false, modeBarButtonsToRemove: buttons });
  }

  function sortable(made) {
    const heads = [...made.tHead.rows[0].cells].filter((cell) => cell.tagName === "TH");
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") === "descending" || (head.getAttribute("aria-sort") === "none" && column === 0);
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        for (const body of made.tBodies) sort(body, column, rising ? 1 : -1);
      });
    });
  }

  // rows without a number stay last; a part's heading stays first
  function sort(body, column, sign) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("part"));
    const value = (row) => row.cells[column].dataset.value;
    const numeric = rows.every((row) => value(row) === "" || !Number.isNaN(Number(value(row))));
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true }));
    };
    body.append(...rows.sort(compare));
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const said = document.getElementById("said");
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied";
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    } catch {
      getSelection().selectAllChildren(source); // where the clipboard is not allowed
      said.textContent = "Selected; copy it with the keyboard";
    }
  }

  sections.forEach((section, number) => { legend(section, number); choices(section, number); });
  document.querySelectorAll("main table.sortable").forEach((made) => made.closest("[data-table]") || sortable(made));
  document.querySelectorAll("button.copy").forEach((button) => button.addEventListener("click", () => copy(button)));

  const plots = [...document.querySelectorAll("[data-plot]")];
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  plots.forEach((plot) => watch.observe(plot));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((plot) => draw(plot)));
  addEventListener("beforeprint", () => plots.forEach((plot) => {
    if (!drawn.has(plot)) draw(plot);
    Plotly.relayout(plot, { width: 640, height: 360 }); // what a sheet of paper has room for
  }));
  addEventListener("afterprint", () => drawn.forEach((plot) => draw(plot)));
})();
