// News from the server: every message becomes an event on <body> with the message's type as its
// name, and those that people should notice a toast. The page asks by HTTP for what it shows.
const SHOWN_FOR = 5_000;
const LONGEST_WAIT = 30_000;
const SIGN_OF_LIFE = 20_000;
// What follows from a payment, such as its subscription, is written a moment after it.
const LOOK_AGAIN = [1_000, 5_000];
const FOREIGN_ORIGIN = 4403;
// No credential any more, or the session was ended: the sign-in page tells why.
const SIGNED_OUT = [4401, 4409];
const TONES = {
  succeeded: "success", held: "success", released: "success", paid: "success",
  failed: "danger", canceled: "danger", disputed: "danger",
};
const STATES = { on: ["Live", "success"], waiting: ["Reconnecting…", "warning"], off: ["Not live", ""] };

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

// A socket that comes back by itself. `say` returns whether it was sent.
export function keepOpen(path, { opened = () => {}, heard, became = () => {} }) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  let failures = 0;
  let socket;

  function open() {
    const mine = (socket = new WebSocket(url));
    let alive = true;
    // A connection may be dead for minutes before the browser notices.
    const pulse = setInterval(() => {
      if (!alive) return lost({ code: 1006 });
      alive = false;
      if (mine.readyState === WebSocket.OPEN) say({ type: "ping" });
    }, SIGN_OF_LIFE);
    let over = false;

    mine.addEventListener("open", () => {
      failures = 0;
      became("on");
      opened();
    });
    mine.addEventListener("message", ({ data }) => {
      alive = true;
      if (!over) heard(JSON.parse(data));
    });
    mine.addEventListener("close", lost);

    function lost({ code }) {
      if (over) return;
      over = true;
      clearInterval(pulse);
      mine.close();
      if (SIGNED_OUT.includes(code) && leave()) return;
      if (code === FOREIGN_ORIGIN) return became("off");
      became("waiting");
      setTimeout(open, wait(failures++));
    }
  }

  function say(message) {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  open();
  return { say };
}

// Somewhere between half and the whole of 1, 2, 4 … seconds, so that a restarted server is not met
// by everybody at once.
function wait(failures) {
  return Math.min(1_000 * 2 ** failures, LONGEST_WAIT) * (0.5 + Math.random() / 2);
}

// Whoever is signed in after all is sent back from there; but nobody is sent in circles.
function leave() {
  if (Date.now() - Number(sessionStorage.getItem("live:left")) < LONGEST_WAIT) return false;
  sessionStorage.setItem("live:left", Date.now());
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  return true;
}

function follow(path, owner) {
  const memory = `live:${owner}`;
  const last = () => Number(sessionStorage.getItem(memory));
  // What comes while older news are still on their way waits for them.
  let held = null;
  // Nobody knows what happened since this page was made: the one before it heard the news.
  let stale = true;

  const { say } = keepOpen(path, {
    became: show,
    opened() {
      held = null;
      if (stale || !last()) tell("live:reset");
      stale = false;
      if (!last()) return;
      held = [];
      say({ type: "resume", after: last() });
      // Answers come in turn: with the pong, everything that was missed is here.
      say({ type: "ping" });
    },
    heard(message) {
      if (message.type === "pong") release();
      else if (held) held.push(message);
      else take(message);
    },
  });

  function release() {
    const waited = held ?? [];
    held = null;
    waited.sort((one, other) => (one.event_id ?? 0) - (other.event_id ?? 0)).forEach(take);
  }

  function take({ type, event_id: id, data }) {
    if (type === "reset") {
      sessionStorage.removeItem(memory);
      tell("live:reset");
      return;
    }
    if (!id || id <= last()) return;
    sessionStorage.setItem(memory, id);
    tell(type, data);
    for (const later of LOOK_AGAIN) setTimeout(() => tell("live:aftermath", data), later);
    if (data?.message) announce(data.message, TONES[data.status], id);
  }
}

// The browser shows one of a tag, however many tabs tell it.
export function announce(words, tone, tag) {
  toast(words, tone);
  if (document.hidden && window.Notification?.permission === "granted") {
    new Notification(document.title, { body: words, tag: String(tag) });
  }
}

function show(state) {
  document.body.dataset.liveState = state === "on" ? "on" : "off";
  const badge = document.getElementById("connection");
  if (!badge) return;
  const [words, tone] = STATES[state];
  badge.textContent = words;
  badge.className = `badge ${tone}`;
  badge.hidden = false;
}

function offerNotifications(button) {
  const offer = () => (button.hidden = window.Notification?.permission !== "default");
  button.addEventListener("click", () => Notification.requestPermission().then(offer));
  offer();
}

const { live, liveOf } = document.body.dataset;
if (live) {
  follow(live, liveOf);
  const button = document.getElementById("notify");
  if (button) offerNotifications(button);
}
