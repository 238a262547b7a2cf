// News from the server: every message becomes an event on <body> with the message's type as its
// name, and those that people should notice a toast. The page asks by HTTP for what it shows.
const SHOWN_FOR = 5_000;
const LONGEST_WAIT = 30_000;
// What follows from a payment, such as its subscription, is written a moment after it.
const LOOK_AGAIN = [1_000, 5_000];
// No credential, wrong origin, revoked: trying again would get the same answer.
const FINAL = [4401, 4403, 4409];
const TONES = { succeeded: "success", released: "success", failed: "danger", canceled: "danger", disputed: "danger" };

export function toast(text, tone = "info") {
  const note = document.createElement("div");
  const words = document.createElement("span");
  const close = document.createElement("button");
  note.className = `toast ${tone}`;
  words.textContent = text;
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => note.remove());
  note.append(words, close);
  document.getElementById("toasts").append(note);
  let timer;
  const start = () => (timer = setTimeout(() => note.remove(), SHOWN_FOR));
  const stop = () => clearTimeout(timer);
  // Nobody loses a note while reading it or on the way to its button.
  note.addEventListener("mouseenter", stop);
  note.addEventListener("mouseleave", start);
  note.addEventListener("focusin", stop);
  note.addEventListener("focusout", start);
  start();
}

export function tell(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}

function connect(path, owner) {
  const memory = `live:${owner}`;
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  let failures = 0;

  function open() {
    const socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      failures = 0;
      document.body.dataset.liveState = "on";
      const last = sessionStorage.getItem(memory);
      if (last) socket.send(JSON.stringify({ type: "resume", after: Number(last) }));
    });
    socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => {
      document.body.dataset.liveState = "off";
      if (!FINAL.includes(code)) setTimeout(open, wait(failures++));
    });
  }

  function hear({ type, event_id: id, data }) {
    if (id) {
      if (id <= Number(sessionStorage.getItem(memory))) return; // resent, and shown already
      sessionStorage.setItem(memory, id);
    }
    if (type === "reset") {
      sessionStorage.removeItem(memory);
      tell("live:reset");
      return;
    }
    tell(type, data);
    for (const later of LOOK_AGAIN) setTimeout(() => tell("live:aftermath", data), later);
    if (data?.message) toast(data.message, TONES[data.status]);
  }

  open();
}

// Somewhere between half and the whole of 1, 2, 4 … seconds, so that a restarted server is not met
// by everybody at once.
function wait(failures) {
  return Math.min(1_000 * 2 ** failures, LONGEST_WAIT) * (0.5 + Math.random() / 2);
}

const { live, liveOf } = document.body.dataset;
if (live) connect(live, liveOf);
