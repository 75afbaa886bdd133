// The one-file report: steps through the months that the page holds. A classic script: modules do not load from disk.
(function () {
  "use strict";
  const months = Array.from(document.querySelectorAll(".month"));
  const at = (id) => document.getElementById(id);
  if (!months.length) return;
  const slider = at("month");
  let shown = 0;
  let timer = 0;
  let all = false;

  function draw() {
    months.forEach((month, index) => month.classList.toggle("away", !all && index !== shown));
    slider.value = String(shown + 1);
    at("place").textContent = all ? "all months" : `${shown + 1} of ${months.length}`;
    at("back").disabled = all || shown === 0;
    at("next").disabled = all || shown === months.length - 1;
    at("all").setAttribute("aria-pressed", String(all));
  }
  function go(index) {
    shown = Math.max(0, Math.min(months.length - 1, index));
    all = false;
    draw();
  }
  function pause() {
    clearInterval(timer);
    timer = 0;
    at("play").textContent = "Play";
    at("play").setAttribute("aria-pressed", "false");
  }
  function play() {
    if (timer) return pause();
    if (shown === months.length - 1) go(0);
    at("play").textContent = "Pause";
    at("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      go(shown + 1);
      if (shown === months.length - 1) pause();
    }, 2000);
  }
  function follow() {
    const place = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    const month = place && place.closest(".month");
    if (!month) return;
    go(months.indexOf(month));
    place.scrollIntoView();
  }
  at("back").addEventListener("click", () => { pause(); go(shown - 1); });
  at("next").addEventListener("click", () => { pause(); go(shown + 1); });
  at("play").addEventListener("click", play);
  at("all").addEventListener("click", () => { pause(); all = !all; draw(); });
  slider.addEventListener("input", () => { pause(); go(Number(slider.value) - 1); });
  window.addEventListener("hashchange", follow);
  at("player").hidden = false;
  draw();
  follow();
})();
