/* What the pages do beyond links and forms. Everything works without it, but for what only makes sense with it:
   ticking times, copying, refreshing, shortcuts. Nothing here writes markup from text: the server escapes, we move nodes. */
(() => {
  "use strict";

  const REFRESH_MS = 5000;
  const WATCH_MS = 60000; // an overview in a background tab: its title tells trouble
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = one("#main");
  const said = one("#said");
  const kept = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(name);
      localStorage.setItem(name, value);
    } catch { /* storage is forbidden: nothing is remembered */ }
    return null;
  };
  const say = (text) => { said.textContent = text; };

  /* Relative times, by the server's clock and in the server's words (pages/words.py). */
  const UNITS = [[86400000, "d"], [3600000, "h"], [60000, "min"], [1000, "s"]];
  let ahead = 0;
  const setClock = (root) => { ahead = Number(root.dataset.now || Date.now()) - Date.now(); };
  const relative = (time, now) => {
    const away = Math.abs(time - now);
    if (away >= 30 * UNITS[0][0]) return new Date(time).toISOString().slice(0, 10);
    const unit = UNITS.find(([ms]) => away >= ms);
    if (!unit) return "now";
    const words = `${Math.floor(away / unit[0])} ${unit[1]}`;
    return time < now ? `${words} ago` : `in ${words}`;
  };
  const tick = () => {
    const now = Date.now() + ahead;
    for (const element of all("time[datetime]")) {
      const words = relative(Date.parse(element.dateTime), now);
      if (element.textContent !== words) element.textContent = words;
    }
  };

  /* Bring an element up to date with its new self, and leave alone what the reader holds: an open dialog, a field. */
  const isHeld = (element) =>
    element.matches("dialog[open]") || (element === document.activeElement && element.matches("input, select, textarea"));
  const isSame = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
  const morph = (old, fresh) => {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.isEqualNode(fresh) || isHeld(old)) return;
    const keepsOpen = old.matches("details");
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(keepsOpen && name === "open")) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !(keepsOpen && name === "open")) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  };
  const morphChildren = (old, fresh) => {
    const stays = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
    const isGone = (node) => node.nodeType !== 1 || !(stays.has(node.id) || isHeld(node));
    let at = old.firstChild;
    for (const node of [...fresh.childNodes]) {
      const known = node.id && [...old.children].find((child) => child.id === node.id);
      while (known && at && at !== known && isGone(at)) { // first, for an element that is moved loses its focus
        const next = at.nextSibling;
        at.remove();
        at = next;
      }
      if (known && known !== at) old.insertBefore(known, at);
      if (known) at = known;
      if (at && isSame(at, node)) {
        morph(at, node);
        at = at.nextSibling;
      } else {
        old.insertBefore(document.importNode(node, true), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      if (at.nodeType !== 1 || !isHeld(at)) at.remove();
      at = next;
    }
  };

  /* A list that grows at its top: rows that are there change in place, those that no longer fit its filters fade in their
     place, new ones are announced and wait to be asked for. */
  const mergeRows = (old, fresh) => {
    const rows = new Map([...old.children].map((row) => [row.id, row]));
    let added = 0;
    for (const row of [...fresh.children]) {
      const known = rows.get(row.id);
      if (known) morph(known, row);
      else if (row.id > (old.firstElementChild?.id || "")) added += 1;
    }
    const last = fresh.lastElementChild?.id || "";
    for (const [id, row] of rows) row.classList.toggle("is-gone", id > last && !fresh.children.namedItem(id));
    const hint = one(`[data-new-for="${old.id}"]`);
    if (!hint) return;
    const full = added > 0 && added === fresh.children.length;
    hint.hidden = added === 0;
    const words = `${added}${full ? "+" : ""} new`;
    if (hint.textContent !== words) {
      hint.textContent = words;
      if (added) say(`${words} at the top of the list`);
    }
  };

  const merge = (page) => {
    const fresh = page.getElementById("main");
    if (!fresh) return;
    setClock(fresh);
    for (const old of all("[data-live]")) {
      const now = page.getElementById(old.id);
      if (old.hasAttribute("data-rows")) mergeRows(old, now || document.createElement("tbody"));
      else if (now) morph(old, now);
      else { location.reload(); return; } // the first run of an empty list: there is no place to lose
    }
    if (document.title !== page.title) say(page.title);
    document.title = page.title;
    if (!one("[data-live-switch]", page)) { pill.hidden = true; isPaused = true; } // it has ended: nothing more will change
    const icon = one("link[rel=icon]");
    const nextIcon = one("link[rel=icon]", page);
    if (nextIcon && icon.getAttribute("href") !== nextIcon.getAttribute("href")) icon.href = nextIcon.getAttribute("href");
    tick();
  };

  /* Refreshing: every 5 s while somebody can see it, has nothing open, and has nothing marked. */
  const pill = one("[data-live-switch]");
  let isPaused = false;
  let isAsking = false;
  let last = Date.now();
  const isBusy = () =>
    one("dialog[open]") || !getSelection().isCollapsed || document.activeElement?.matches("textarea, main input:not([type=checkbox])");
  const tell = (word, stale) => {
    if (!pill) return;
    pill.setAttribute("aria-pressed", String(!isPaused));
    pill.classList.toggle("is-stale", Boolean(stale));
    one(".live-word", pill).textContent = word;
  };
  const refresh = () => {
    if (isAsking) return;
    isAsking = true;
    last = Date.now();
    const done = () => { isAsking = false; };
    htmx.ajax("GET", location.pathname + location.search, {
      source: main,
      swap: "none",
      handler: (_, { xhr }) => {
        const away = xhr.getResponseHeader("hx-redirect");
        if (away) { location.assign(away); return; }
        if (xhr.status !== 200) { tell("Stale", true); return; }
        merge(new DOMParser().parseFromString(xhr.responseText, "text/html"));
        tell(isPaused ? "Paused" : "Live");
      },
    }).then(done, () => { done(); tell("Stale", true); });
  };
  const setPaused = (paused) => {
    isPaused = paused;
    tell(paused ? "Paused" : "Live");
    say(paused ? "Refreshing is paused" : "Refreshing is on");
    if (!paused) refresh();
  };
  const beat = () => {
    tick();
    if (!pill || isPaused) return;
    const since = Date.now() - last;
    if (document.hidden ? pill.hasAttribute("data-watch") && since >= WATCH_MS : since >= REFRESH_MS && !isBusy()) refresh();
  };

  /* Copying. */
  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      const field = document.createElement("textarea");
      field.value = button.dataset.copy;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    say("Copied");
    button.classList.add("is-done");
    one("use", button).setAttribute("href", "#i-good");
    setTimeout(() => {
      button.classList.remove("is-done");
      one("use", button).setAttribute("href", "#i-copy");
    }, 1400);
  };

  /* Shortcuts: single letters, so they can be switched off, and never while somebody types. */
  let leads = false;
  const isTyping = (target) => target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
  const step = (by) => {
    const rows = all("tbody tr").filter((row) => one("a[href]", row) && row.offsetParent);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    one("a[href]", next).focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const KEYS = {
    "?": () => one("#shortcuts")?.showModal(),
    "/": () => one("[data-filters] select, [data-filters] input:not([type=hidden])")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    r: () => { if (pill) refresh(); else location.reload(); },
    p: () => { if (pill) setPaused(!isPaused); },
  };
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || one("dialog[open]")) return;
    if (kept("shortcuts") === "off") return;
    const view = leads && one(`.nav [data-key="${CSS.escape(event.key)}"]`);
    const act = leads ? view && (() => view.click()) : KEYS[event.key];
    leads = !leads && event.key === "g";
    if (leads) setTimeout(() => { leads = false; }, 1500);
    if (act || leads) event.preventDefault();
    if (act) act();
  };

  /* Refused calls: the lines that somebody signed beside those that came; nothing of them is sent anywhere. */
  const digest = (line) => (line.match(/\b[0-9a-f]{64}\b/) || [line])[0];
  const compare = (field) => {
    const box = field.closest("[data-compare]");
    const lines = field.value.replace(/\r/g, "").replace(/\n$/, "").split("\n");
    const rows = all("tbody tr", box);
    let differing = 0;
    rows.forEach((row, at) => {
      const came = one("[data-line]", row).dataset.line;
      const yours = lines[at] ?? "";
      const differs = field.value !== "" && digest(came) !== digest(yours.trim());
      differing += differs ? 1 : 0;
      row.classList.toggle("differs", differs);
      one("[data-yours]", row).textContent = yours;
    });
    for (const cell of all("[data-yours]", box)) cell.hidden = field.value === "";
    one("[data-verdict]", box).textContent =
      field.value === "" ? "" : differing ? `${differing} of ${rows.length} lines differ.` : "No line differs: the secret is another one.";
  };

  document.addEventListener("keydown", press);
  document.addEventListener("input", (event) => { if (event.target.matches("[data-compare-with]")) compare(event.target); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button);
    else if (button.hasAttribute("data-live-switch")) setPaused(!isPaused);
    else if (button.hasAttribute("commandfor") && !("command" in HTMLButtonElement.prototype)) {
      const dialog = document.getElementById(button.getAttribute("commandfor"));
      if (button.getAttribute("command") === "close") dialog.close();
      else dialog.showModal();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "shortcuts-on") kept("shortcuts", event.target.checked ? "on" : "off");
    else if (event.target.matches("[data-submits], [data-filters] select, [data-filters] input")) event.target.form.requestSubmit();
  });
  /* A form that the platform would not hand over is not sent: its answer would be no page of ours, and the text lost. */
  const bytesOf = (form) => {
    const fields = [...new FormData(form)].map(([name, value]) => [name, value.replace(/\r\n?|\n/g, "\r\n")]);
    return new URLSearchParams(fields).toString().length;
  };
  const isTooLarge = (form) => {
    const hint = one("[data-too-large]", form);
    if (!hint) return false;
    hint.hidden = bytesOf(form) <= Number(form.dataset.mostBytes);
    if (!hint.hidden) hint.focus();
    return !hint.hidden;
  };

  document.addEventListener("submit", (event) => {
    if (isTooLarge(event.target)) { event.preventDefault(); return; }
    // Empty fields are left out, so that the address of a filtered list is short and the same each time.
    if (event.target.method === "get") {
      const fields = all("select, input", event.target).filter((field) => field.value === "" && !field.disabled);
      fields.forEach((field) => { field.disabled = true; });
      setTimeout(() => fields.forEach((field) => { field.disabled = false; }));
      return;
    }
    const button = one("[data-once]", event.target);
    if (button) setTimeout(() => { button.disabled = true; });
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
  addEventListener("pageshow", () => all("[data-once]").forEach((button) => { button.disabled = false; }));

  if (main) setClock(main);
  const switched = one("#shortcuts-on");
  if (switched) switched.checked = kept("shortcuts") !== "off";
  const current = one(".nav [aria-current]");
  if (current) current.parentElement.scrollLeft = current.offsetLeft - 40;
  setInterval(beat, 1000);
})();
