// Where one is signed in, as it changes. Without this the page is complete and its forms work.
import { announce, keepOpen, toast } from "./live.js";

const BETWEEN_SIGNS = 15_000;
const card = document.getElementById("sessions");
const rows = card.querySelector("tbody");
const blank = document.getElementById("session-row").content.firstElementChild;
const others = document.getElementById("end-others");
const nowhereElse = document.getElementById("nowhere-else");
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const { say } = keepOpen("/ws/sessions", { heard });
const waiting = new Map();
let active = 0;

function heard(message) {
  const { type, session, sessions } = message;
  if (type === "session_update" && sessions) replaceAll(sessions);
  else if (type === "session_update") put(session);
  else if (type === "session_created") {
    put(session);
    announce(`New sign-in: ${session.device_name}`, "info", session.id);
  } else if (type === "session_revoked" || type === "session_expired") {
    rowOf(message.session_id)?.remove();
  } else if (type === "ack") acknowledge(message);
  nowhereElse.hidden = rows.children.length > 1;
  others.hidden = !nowhereElse.hidden;
}

function replaceAll(sessions) {
  const known = new Set(sessions.map(({ id }) => id));
  for (const row of [...rows.children]) if (!known.has(row.dataset.session)) row.remove();
  sessions.forEach(put);
  // The order of the list, without touching what is in its place: somebody may be on its button.
  sessions.forEach(({ id }, place) => {
    const row = rowOf(id);
    if (rows.children[place] !== row) rows.insertBefore(row, rows.children[place]);
  });
}

function rowOf(id) {
  return [...rows.children].find((row) => row.dataset.session === id);
}

function put(session) {
  const row = rowOf(session.id) ?? begin(session);
  for (const field of row.querySelectorAll("[data-field]")) {
    const value = session[field.dataset.field];
    if (field.dataset.field === "online") {
      field.textContent = value ? "Online" : "Offline";
      field.classList.toggle("success", value);
    } else if (field.dateTime !== undefined) {
      field.dateTime = value;
      tellTime(field);
    } else {
      field.textContent = value ?? "";
      field.hidden = value === "Unknown" && field.dataset.field === "location";
    }
  }
  row.querySelector("use").setAttribute("href", `#device-${session.device_type}`);
  const end = row.querySelector("form");
  if (end) end.dataset.confirm = `Sign out ${session.device_name}?`;
}

function begin({ id }) {
  const row = document.importNode(blank, true);
  row.dataset.session = id;
  row.querySelector("input[name=session]").value = id;
  row.classList.add("fresh");
  // The own one stays on top.
  rows.insertBefore(row, rows.children[1] ?? null);
  return row;
}

function tellTime(field) {
  const moment = new Date(field.dateTime);
  const whole = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  field.title = whole;
  field.textContent = field.dataset.field === "last_active" ? since(moment) : whole;
}

function since(moment) {
  const seconds = (Date.now() - moment) / 1_000;
  const fitting = UNITS.find(([, size]) => seconds >= size);
  return fitting ? ago.format(-Math.floor(seconds / fitting[1]), fitting[0]) : "just now";
}

function tellTimes() {
  rows.querySelectorAll("time").forEach(tellTime);
}

function acknowledge({ ref, success, error, revoked_count: count }) {
  const done = waiting.get(ref);
  waiting.delete(ref);
  if (!success) toast(error, "danger");
  else toast(count === undefined ? done : `${done} (${count})`, "success");
}

card.addEventListener("submit", (event) => {
  const form = event.target;
  if (!confirm(form.dataset.confirm)) return event.preventDefault();
  const id = form.elements.session?.value;
  const ref = crypto.randomUUID?.() ?? String(Math.random());
  const message = id ? { type: "revoke_session", id, ref } : { type: "revoke_all_sessions", ref };
  // Where the socket is down the form goes its ordinary way.
  if (!say(message)) return undefined;
  waiting.set(ref, id ? `Signed out ${rowOf(id)?.querySelector("strong").textContent}` : "Signed out everywhere else");
  return event.preventDefault();
});

function notice() {
  if (Date.now() - active < BETWEEN_SIGNS) return;
  if (say({ type: "update_activity" })) active = Date.now();
}

for (const sign of ["pointerdown", "keydown", "scroll"]) addEventListener(sign, notice, { passive: true });
tellTimes();
setInterval(tellTimes, 30_000);
