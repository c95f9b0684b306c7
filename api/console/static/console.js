// What pages do not need, but are better with: times in the reader's zone, a running sync that
// is followed, a question before what cannot be taken back, and printing.
"use strict";

const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});

for (const time of document.querySelectorAll("time[datetime]")) {
  time.textContent = moment.format(new Date(time.dateTime));
}

for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.ask)) event.preventDefault();
  });
}

for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const button = form.querySelector("button:not([type=button])");
    // After the browser has taken the form, so that it is sent at all, and only once.
    setTimeout(() => {
      button.disabled = true;
      if (form.dataset.busy) button.textContent = form.dataset.busy;
    });
  });
}
// A page that comes back from the browser's memory has its buttons again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button[disabled]")) button.disabled = false;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

const live = document.querySelector("[data-live]");
if (live) {
  const doing = live.querySelector("[data-live-doing]");
  const figures = live.querySelector("[data-live-figures]");
  const bar = live.querySelector("progress");
  let pause = 1500;
  const look = async () => {
    try {
      const answer = await fetch(live.dataset.live, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      if (!now.running) {
        window.location.reload();
        return;
      }
      if (doing.textContent !== now.doing) doing.textContent = now.doing;
      if (figures.textContent !== now.figures) figures.textContent = now.figures;
      if (now.of) {
        bar.max = now.of;
        bar.value = now.sent;
      } else {
        bar.removeAttribute("value");
      }
      pause = 1500;
    } catch {
      pause = Math.min(pause * 2, 30000); // signed out, or the server is away for a moment
    }
    setTimeout(look, document.hidden ? 10000 : pause);
  };
  setTimeout(look, pause);
}
