/// What a page does when it is touched; without it everything but the pictures behind cells and the brush is there.
let pageScript = #"""
    "use strict";
    (() => {
    const figures = JSON.parse(document.getElementById("figures").textContent);
    const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
    const make = (name, text) => {
      const element = document.createElement(name);
      if (text !== undefined) element.textContent = text;
      return element;
    };

    // What does not scroll needs no stop of the tab key.
    const regions = all(".scroll");
    const stop = () => regions.forEach((region) => {
      const scrolls = region.scrollWidth > region.clientWidth + 1 || region.scrollHeight > region.clientHeight + 1;
      if (scrolls) region.tabIndex = 0; else region.removeAttribute("tabindex");
    });
    stop();
    window.addEventListener("resize", stop);
    all("details").forEach((details) => details.addEventListener("toggle", stop));

    // The confusion matrix: one stop of the tab key, arrow keys within, pictures below.
    const matrix = document.getElementById("matrix");
    const results = figures.classification;
    if (matrix && results) {
      const cells = all("button[data-cell]", matrix);
      const focus = (button) => {
        cells.forEach((other) => { other.tabIndex = other === button ? 0 : -1; });
        button.focus();
      };
      cells.forEach((button, index) => { button.tabIndex = index === 0 ? 0 : -1; });
      const next = (button, rows, columns) => {
        let cell = button.closest("td"), line = cell.parentElement, place = Array.from(line.children).indexOf(cell);
        for (;;) {
          if (rows) line = rows > 0 ? line.nextElementSibling : line.previousElementSibling;
          place += columns;
          const target = line && line.children[place];
          if (!target) return null;
          const found = target.querySelector("button");
          if (found) return found;
        }
      };
      const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      matrix.addEventListener("keydown", (event) => {
        const button = event.target.closest("button[data-cell]"), way = arrows[event.key];
        if (!button || !way) return;
        event.preventDefault();
        const target = next(button, way[0], way[1]);
        if (target) focus(target);
      });
      const panel = document.getElementById("mistakes");
      matrix.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-cell]");
        if (!button) return;
        focus(button);
        cells.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
        const [label, prediction] = button.dataset.cell.split(",").map(Number);
        const names = results.classNames, sheet = results.sheet;
        const entries = results.mistakes[button.dataset.cell] || [];
        const count = results.confusionMatrix[label][prediction];
        const shown = entries.length < count ? `the first ${entries.length} of ${count}` : `all ${count}`;
        const gallery = make("div");
        gallery.className = "gallery";
        for (const entry of entries) {
          const figure = make("figure"), picture = make("span");
          figure.className = "mistake-figure";
          picture.className = "sprite mistake";
          picture.setAttribute("role", "img");
          const sure = entry.confidence === undefined ? "" : `, ${(entry.confidence * 100).toFixed(1)} %`;
          picture.setAttribute("aria-label", `test image ${entry.sample}${sure}`);
          const row = Math.floor(entry.place / sheet.columns), column = entry.place % sheet.columns;
          picture.style.backgroundPosition = `${-column * sheet.width}px ${-row * sheet.height}px`;
          figure.append(picture, make("figcaption", `image ${entry.sample}${sure}`));
          gallery.append(figure);
        }
        panel.replaceChildren(make("h3", `${names[label]} taken for ${names[prediction]}: ${shown}`), gallery);
      });
      all("input[name=cells]").forEach((input) => input.addEventListener("change", () => {
        matrix.classList.toggle("rates", input.value === "rates" && input.checked);
      }));
    }

    // A table whose headings sort; what has no number stands last.
    const table = document.getElementById("trials-table");
    if (table) {
      table.tHead.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-sort]");
        if (!button) return;
        const column = Number(button.dataset.sort), head = button.closest("th");
        const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        all("th", table.tHead).forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent;
        };
        const isNone = (value) => value === "–" || Number.isNaN(value);
        const rows = Array.from(table.tBodies[0].rows);
        rows.sort((a, b) => {
          const x = key(a), y = key(b);
          if (isNone(x) || isNone(y)) return isNone(x) - isNone(y);
          if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
          const order = typeof x === "number" ? x - y : x < y ? -1 : x > y ? 1 : 0;
          return way * order || Number(a.dataset.t) - Number(b.dataset.t);
        });
        table.tBodies[0].append(...rows);
      });
    }

    // Parallel coordinates: a part of each axis is chosen, and the trials that pass through all parts are shown.
    const chart = document.getElementById("parallel-chart");
    if (chart) {
      const top = Number(chart.dataset.top), floor = Number(chart.dataset.floor);
      const brushes = figures.axes.map(() => [0, 1]);
      const groups = all(".brush", chart), count = document.getElementById("brush-count");
      const marks = new Map();
      all("[data-t]").forEach((element) => {
        const number = Number(element.dataset.t);
        marks.set(number, (marks.get(number) || []).concat(element));
      });
      const isWhole = (axis) => brushes[axis][0] <= 0 && brushes[axis][1] >= 1;
      const text = (axis, place) => {
        const scale = figures.axes[axis];
        if (scale.choices.length) {
          const index = Math.min(scale.choices.length - 1, Math.floor(place * scale.choices.length));
          return scale.choices[Math.max(0, index)];
        }
        const value = scale.isLogarithmic
          ? scale.low * (scale.high / scale.low) ** place : scale.low + (scale.high - scale.low) * place;
        return value.toPrecision(4);
      };
      const draw = () => {
        groups.forEach((group, axis) => {
          const [low, high] = brushes[axis], y = (place) => floor - place * (floor - top);
          group.classList.toggle("active", !isWhole(axis));
          const chosen = group.querySelector(".chosen");
          chosen.setAttribute("y", y(high));
          chosen.setAttribute("height", y(low) - y(high));
          all(".handle", group).forEach((handle) => {
            const isLow = handle.dataset.end === "low", place = isLow ? low : high;
            const x = handle.getAttribute("transform").match(/\(([-\d.]+)/)[1];
            handle.setAttribute("transform", `translate(${x} ${y(place)})`);
            handle.setAttribute("aria-valuenow", Math.round(place * 100));
            // A choice at the edge of the part is the last within it.
            const edge = figures.axes[axis].choices.length ? place + (isLow ? 1e-6 : -1e-6) : place;
            handle.setAttribute("aria-valuetext", text(axis, edge));
          });
        });
        let shown = 0;
        for (const trial of figures.trials) {
          const passes = brushes.every(([low, high], axis) => isWhole(axis)
            || (trial.places[axis] !== null && trial.places[axis] >= low - 1e-6 && trial.places[axis] <= high + 1e-6));
          if (passes) shown += 1;
          for (const element of marks.get(trial.number) || []) {
            if (element.tagName === "TR") element.hidden = !passes; else element.classList.toggle("off", !passes);
          }
        }
        count.textContent = `${shown} of ${figures.trials.length} trials`;
      };
      const set = (axis, low, high) => {
        brushes[axis] = [Math.max(0, Math.min(low, high)), Math.min(1, Math.max(low, high))];
        draw();
      };
      const steps = (axis) => {
        const choices = figures.axes[axis].choices.length;
        return choices ? 1 / choices : 0.02;
      };
      const place = (event) => {
        const matrix = chart.getScreenCTM();
        return Math.min(1, Math.max(0, (floor - (event.clientY - matrix.f) / matrix.d) / (floor - top)));
      };
      const snap = (axis, value, isLow) => {
        const choices = figures.axes[axis].choices.length;
        if (!choices) return value;
        return (isLow ? Math.floor(value * choices + 1e-9) : Math.ceil(value * choices - 1e-9)) / choices;
      };
      groups.forEach((group, axis) => {
        let begin = null;
        group.querySelector(".hit").addEventListener("pointerdown", (event) => {
          begin = place(event);
          event.target.setPointerCapture(event.pointerId);
        });
        group.querySelector(".hit").addEventListener("pointermove", (event) => {
          if (begin === null) return;
          const now = place(event);
          if (Math.abs(now - begin) < 0.01) return;
          set(axis, snap(axis, Math.min(begin, now), true), snap(axis, Math.max(begin, now), false));
        });
        group.querySelector(".hit").addEventListener("pointerup", (event) => {
          if (begin !== null && Math.abs(place(event) - begin) < 0.01) set(axis, 0, 1);
          begin = null;
        });
        all(".handle", group).forEach((handle) => {
          const isLow = handle.dataset.end === "low";
          const move = (value) => {
            const [low, high] = brushes[axis], least = steps(axis);
            if (isLow) set(axis, Math.min(value, high - least), high); else set(axis, low, Math.max(value, low + least));
          };
          handle.addEventListener("keydown", (event) => {
            const now = brushes[axis][isLow ? 0 : 1], step = steps(axis);
            const by = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step, PageUp: 5 * step,
              PageDown: -5 * step }[event.key];
            if (by !== undefined) move(now + by);
            else if (event.key === "Home") move(0);
            else if (event.key === "End") move(1);
            else if (event.key === "Escape") set(axis, 0, 1);
            else return;
            event.preventDefault();
          });
          let isHeld = false;
          handle.addEventListener("pointerdown", (event) => {
            isHeld = true;
            handle.setPointerCapture(event.pointerId);
          });
          handle.addEventListener("pointermove", (event) => { if (isHeld) move(snap(axis, place(event), isLow)); });
          handle.addEventListener("pointerup", () => { isHeld = false; });
        });
      });
      document.getElementById("brush-reset").addEventListener("click", () => {
        brushes.forEach((_, axis) => { brushes[axis] = [0, 1]; });
        draw();
      });
      draw();
    }
    })();

    """#

/// Asks the page's own server whether there is a newer page, and takes it without losing the place.
let livePageScript = #"""
    (() => {
    const shown = document.body.dataset.live;
    const key = "lockstep-scroll";
    const kept = sessionStorage.getItem(key);
    if (kept) {
      const state = JSON.parse(kept);
      sessionStorage.removeItem(key);
      if (state.path === location.pathname) {
        document.documentElement.style.scrollBehavior = "auto";
        for (const index of state.open) {
          const details = document.querySelectorAll("details")[index];
          if (details) details.open = true;
        }
        window.scrollTo(state.x, state.y);
        document.documentElement.style.scrollBehavior = "";
      }
    }
    const ask = async () => {
      // Nobody looks at a hidden page.
      if (!document.hidden) try {
        const answer = await fetch("version" + location.search, { cache: "no-store" });
        if (answer.ok) {
          if (await answer.text() !== shown) {
            const open = [];
            document.querySelectorAll("details").forEach((details, index) => { if (details.open) open.push(index); });
            sessionStorage.setItem(key,
              JSON.stringify({ path: location.pathname, x: window.scrollX, y: window.scrollY, open }));
            location.reload();
            return;
          }
        }
      } catch { /* The server has gone; the page stays as it is. */ }
      setTimeout(ask, 2000);
    };
    setTimeout(ask, 2000);
    })();

    """#
