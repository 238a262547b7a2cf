// Where one is signed in, as it changes. Without this the page is complete and its forms work.
import { keepOpen, toast } from "./live.js";

const BETWEEN_SIGNS = 15_000;
const card = document.getElementById("sessions");
const rows = card.querySelector("tbody");
const blank = document.getElementById("session-row").content.firstElementChild;
const others = document.getElementById("end-others");

const { say } = keepOpen("/ws/sessions", { heard });
const waiting = new Map();
let active = 0;

function heard(message) {
  const { type, session, sessions } = message;
  if (type === "session_update" && sessions) replaceAll(sessions);
  else if (type === "session_update") put(session);
  else if (type === "session_created") {
    put(session);
    toast(`New sign-in: ${session.device_name}`);
  } else if (type === "session_revoked" || type === "session_expired") {
    rowOf(message.session_id)?.remove();
  } else if (type === "ack") acknowledge(message);
  others.hidden = rows.children.length < 2;
}

function replaceAll(sessions) {
  const known = new Set(sessions.map(({ id }) => id));
  for (const row of [...rows.children]) if (!known.has(row.dataset.session)) row.remove();
  sessions.forEach(put);
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
      field.textContent = when(value);
    } else field.textContent = value ?? "";
  }
}

function begin({ id }) {
  const row = document.importNode(blank, true);
  row.dataset.session = id;
  row.querySelector("input[name=session]").value = id;
  rows.append(row);
  return row;
}

function when(instant) {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
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
  waiting.set(ref, id ? "Signed out that device" : "Signed out everywhere else");
  return event.preventDefault();
});

function notice() {
  if (Date.now() - active < BETWEEN_SIGNS) return;
  if (say({ type: "update_activity" })) active = Date.now();
}

for (const sign of ["pointerdown", "keydown", "scroll"]) addEventListener(sign, notice, { passive: true });
for (const time of rows.querySelectorAll("time")) time.textContent = when(time.dateTime);
