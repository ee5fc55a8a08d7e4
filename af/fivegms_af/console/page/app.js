/** The page: one view at a time by the fragment of the URL, live events, signing in and out. */

import { Api, OPERATOR, Problem } from "./api.js";
import { button, el } from "./dom.js";
import { follow } from "./events.js";
import { signInForm } from "./sign_in.js";
import { oneAtATime } from "./view.js";
import { alarmsView } from "./views/alarms.js";
import { modelsView } from "./views/models.js";
import { reportsView } from "./views/reports.js";
import { serversView } from "./views/servers.js";
import { sessionView } from "./views/session.js";
import { sessionsView } from "./views/sessions.js";

const NAVIGATION = [
  ["sessions", "Sessions"],
  ["models", "Models"],
  ["reports", "Reports"],
  ["servers", "Application servers"],
  ["alarms", "Alarms"],
];

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const navigation = /** @type {HTMLElement} */ (document.getElementById("navigation"));
const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const notices = /** @type {HTMLElement} */ (document.getElementById("notices"));
const signOut = /** @type {HTMLElement} */ (document.getElementById("sign-out"));

const api = new Api(askWhoWeAre);
const console_ = { api, notify, fail };
let following = new AbortController();
let isAsking = false;

/** @type {import("./view.js").View | null} */
let current = null;
let refresh = async () => {};
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

signOut.addEventListener("click", () => api.signOut());
window.addEventListener("hashchange", show);
start();

function start() {
  isAsking = false;
  signOut.hidden = !api.signedIn;
  following.abort();
  following = new AbortController();
  follow(api, heard, connected, following.signal);
  show();
}

/** Show what the URL's fragment names: `#/sessions`, `#/sessions/ID`, ... */
async function show() {
  if (isAsking) return;
  const [name = "", id = ""] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const view = make(name || "sessions", id);
  current = view;
  refresh = oneAtATime(() => load(view));
  mark(name || "sessions");
  document.title = `${view.title} · 5GMS console`;
  main.replaceChildren(el("h1", {}, view.title), view.element);
  if (document.activeElement !== document.body) main.focus({ preventScroll: true });
  await refresh();
}

function make(name, id) {
  switch (name) {
    case "models":
      return modelsView(console_);
    case "reports":
      return reportsView(console_, id);
    case "servers":
      return serversView(console_);
    case "alarms":
      return alarmsView(console_);
    default:
      return id ? sessionView(console_, id) : sessionsView(console_);
  }
}

/** @param {import("./view.js").View} view */
async function load(view) {
  clearTimeout(timer);
  try {
    await view.refresh();
  } catch (error) {
    if (view === current) fail(error);
  }
  if (view === current && view.pollMs) timer = setTimeout(refresh, view.pollMs());
}

function heard(kind, sessionId) {
  if (current?.concerns?.(kind, sessionId)) refresh();
}

function connected(is) {
  live.textContent = is ? "live" : "not connected";
  live.classList.toggle("on", is);
  if (is && current) refresh(); // what happened before is not told again
}

function mark(name) {
  navigation.replaceChildren(
    ...NAVIGATION.map(([one, text]) =>
      el("a", { href: `#/${one}`, "aria-current": one === name ? "page" : null }, text),
    ),
  );
}

function notify(text, tone = "") {
  const notice = el("p", { class: `notice ${tone}` }, text);
  notice.append(button("Dismiss", () => notice.remove(), "link"));
  notices.replaceChildren(notice);
  if (tone === "good") setTimeout(() => notice.remove(), 5000);
}

function fail(error) {
  if (error instanceof Problem && error.status === 401) return; // the form that is shown says it
  if (!(error instanceof Problem)) console.error(error);
  const reasons = (error.faults ?? []).map((one) => `${one.param}: ${one.reason ?? "is refused"}`);
  notify([error.message, ...reasons].join(" · "), "bad");
}

function askWhoWeAre() {
  if (isAsking) return;
  isAsking = true;
  current = null;
  following.abort();
  clearTimeout(timer);
  signOut.hidden = true;
  live.textContent = "signed out";
  live.classList.remove("on");
  navigation.replaceChildren();
  main.replaceChildren(
    el("h1", {}, "Sign in"),
    signInForm(api, async () => {
      await api.get(`${OPERATOR}/summary`);
      start();
    }),
  );
}
