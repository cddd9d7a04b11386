// Live updates, buttons that depend on a selection, and the form's preview of the first identity. Without this script
// every page works when it is reloaded.
"use strict";

const parsed = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
};

// A key that identifies a link, button or field after its part was replaced.
const known = (each) => each.id || [each.tagName, each.href, each.name, each.value, each.textContent].join(" ");

// Replace a part, and preserve the user's ticks, unfolded details and focus.
const put = (id, html) => {
  const old = document.getElementById(id);
  const part = parsed(html);
  if (!old) return part;
  if (old.isEqualNode(part)) return old;
  for (const box of old.querySelectorAll("input[type=checkbox][id]")) {
    const same = part.querySelector(`#${CSS.escape(box.id)}`);
    if (same) same.checked = box.checked;
  }
  old.querySelectorAll("details").forEach((details, place) => {
    const same = part.querySelectorAll("details")[place];
    if (same) same.open = details.open;
  });
  const held = old.contains(document.activeElement) ? known(document.activeElement) : "";
  old.replaceWith(part);
  if (held) [...part.querySelectorAll("a, button, input, select, summary, textarea")].find((each) => known(each) === held)?.focus();
  return part;
};

const arrange = (id, ids, made) => {
  const list = document.getElementById(id);
  const wanted = ids.map((each) => made.get(each) ?? document.getElementById(each)).filter(Boolean);
  for (const child of [...list.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, place) => {
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
};

// Buttons that need a selection, and those that select all.
const refresh = () => {
  for (const button of document.querySelectorAll("[data-needs]")) {
    const chosen = document.querySelectorAll(`input[name=${button.dataset.needs}]:checked`).length;
    button.disabled = chosen === 0;
    button.querySelector("[data-count]").textContent = chosen || "";
  }
  for (const button of document.querySelectorAll("[data-choose]")) button.hidden = false;
  for (const input of document.querySelectorAll("[data-with]")) {
    const [name, value] = input.dataset.with.split("=");
    input.hidden = document.getElementById(name).value !== value;
  }
};

document.addEventListener("change", refresh);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose]");
  if (!button) return;
  for (const box of document.querySelectorAll(`input[name=${button.dataset.choose}]`)) box.checked = true;
  refresh();
});

const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  source.onopen = () => { document.getElementById("lost").hidden = true; };
  source.onerror = () => {
    const ended = source.readyState === EventSource.CLOSED;
    document.getElementById(ended ? "gone" : "lost").hidden = false;
    if (ended) document.getElementById("lost").hidden = true;
  };
  source.onmessage = (event) => {
    const { html, lists, said } = JSON.parse(event.data);
    const made = new Map(Object.entries(html).map(([id, text]) => [id, put(id, text)]));
    for (const [id, ids] of Object.entries(lists)) arrange(id, ids, made);
    if (said) document.getElementById("said").textContent = said;
    refresh();
  };
}

const form = document.querySelector("[data-preview]");
if (form) {
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.preview, { method: "POST", body });
      if (answer.ok) put("preview", await answer.text());
    }, 200);
  });
}

refresh();
