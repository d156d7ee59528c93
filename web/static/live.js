// Keeps the live page live. One stream; an event brings the regions that changed; whatever the reader was at (focus,
// open details, scrolling) stays where it was. Without this script the page is the same, by reloading.

const board = document.getElementById("board");
const line = document.getElementById("live");
const said = document.getElementById("live-text");
const pause = document.getElementById("pause");
const summary = document.getElementById("summary");

const SILENCE = 25_000; // the server speaks at least every 10 s
const SUMMARY = 30_000;

let held = null; // regions that came while paused
let heard = Date.now();

function show(state, text) {
  line.dataset.state = state;
  if (said.textContent !== text) said.textContent = text;
}

function swap(regions) {
  const focus = document.activeElement?.id;
  for (const [id, html] of Object.entries(regions)) {
    const old = document.getElementById(id);
    if (!old) continue;
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.firstElementChild;
    for (const details of old.querySelectorAll("details[id][open]")) {
      fresh.querySelector(`#${CSS.escape(details.id)}`)?.setAttribute("open", "");
    }
    const scrolled = [...old.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    old.replaceWith(fresh);
    fresh.querySelectorAll(".scroll").forEach((one, index) => (one.scrollLeft = scrolled[index] ?? 0));
  }
  if (focus && document.activeElement?.id !== focus) {
    document.getElementById(focus)?.focus({ preventScroll: true });
  }
}

function take(event) {
  heard = Date.now();
  const { regions, stale } = JSON.parse(event.data);
  if (held) Object.assign(held, regions);
  else swap(regions);
  if (stale) show("stale", "Figures may be old: the database does not answer");
  else if (held) show("paused", Object.keys(held).length ? "Paused, newer figures wait" : "Paused");
  else show("live", "Live");
}

const source = new EventSource(board.dataset.feed);
source.addEventListener("board", take);
source.addEventListener("error", () => show("stale", "Connection lost, trying again…"));
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

pause.addEventListener("click", () => {
  if (held) {
    swap(held);
    held = null;
    show("live", "Live");
  } else {
    held = {};
    show("paused", "Paused");
  }
  pause.setAttribute("aria-pressed", String(held !== null));
  pause.textContent = held ? "Resume" : "Pause";
});

setInterval(() => {
  if (Date.now() - heard > SILENCE) show("stale", "No news for a while, trying again…");
}, 5_000);

setInterval(() => {
  if (held || line.dataset.state !== "live") return;
  const said = [...document.querySelectorAll("#figures > div")].map((figure) => {
    const name = figure.querySelector("dt")?.textContent.trim();
    return `${name}: ${figure.querySelector("dd")?.textContent.trim()}`;
  });
  summary.textContent = said.join(". ");
}, SUMMARY);

line.hidden = false;
