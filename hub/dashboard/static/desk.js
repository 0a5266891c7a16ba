"use strict";
// Keeps the page as the server tells it: parts arrive as server-sent events and are laid over the old ones node by node,
// so that focus, scroll position and transitions stay. What changed lights up for a moment.
(() => {
  const SILENCE_MS = 40000; // more than two heartbeats
  const AGAIN_MS = 5000;
  const live = document.getElementById("live");
  const liveText = document.getElementById("live-text");
  let source = null;
  let silence = 0;

  const say = (on) => {
    live.classList.toggle("on", on);
    live.classList.toggle("off", !on);
    const words = on ? live.dataset.live : live.dataset.lost;
    if (liveText.textContent !== words) liveText.textContent = words;
  };

  const light = (element, name) => {
    element.classList.remove(name);
    void element.getBoundingClientRect(); // restarts the animation
    element.classList.add(name);
  };

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-k") : null);

  const attributes = (old, fresh) => {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  };

  const overlay = (old, fresh) => {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data === fresh.data) return;
      old.data = fresh.data;
      const shown = old.parentElement && old.parentElement.closest(".v");
      if (shown) light(shown, "changed");
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) return;
    const pulsed = old.hasAttribute("data-pulse") && old.getAttribute("data-pulse") !== fresh.getAttribute("data-pulse");
    attributes(old, fresh);
    if (pulsed) light(old, "pulse");
    children(old, fresh);
    if (old instanceof HTMLSelectElement && document.activeElement !== old) {
      old.value = [...fresh.options].find((each) => each.hasAttribute("selected"))?.value ?? old.value;
    }
  };

  const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  const children = (old, fresh) => {
    const keyed = new Map([...old.children].filter(keyOf).map((each) => [keyOf(each), each]));
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const key = keyOf(wanted);
      const known = key === null ? null : keyed.get(key);
      if (known && alike(known, wanted)) {
        if (known !== place) old.insertBefore(known, place);
        overlay(known, wanted);
        place = known.nextSibling;
      } else if (key === null && place && alike(place, wanted)) {
        const next = place.nextSibling;
        overlay(place, wanted);
        place = next;
      } else {
        old.insertBefore(wanted, place);
        if (key !== null) light(wanted, "arrived");
        else if (wanted instanceof Element && wanted.matches(".v")) light(wanted, "changed");
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  const show = (parts) => {
    for (const [name, html] of Object.entries(parts)) {
      const part = document.getElementById("part-" + name);
      if (!part) continue;
      const fresh = document.createElement("template");
      fresh.innerHTML = html; // escaped by the server; the content security policy runs no script in it
      children(part, fresh.content);
    }
  };

  const heard = () => {
    say(true);
    clearTimeout(silence);
    silence = setTimeout(listen, SILENCE_MS);
  };

  const listen = () => {
    if (source) source.close();
    source = new EventSource(document.body.dataset.events);
    source.addEventListener("parts", (event) => {
      heard();
      show(JSON.parse(event.data));
    });
    source.addEventListener("beat", heard);
    source.onerror = () => {
      say(false);
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(silence);
        silence = setTimeout(listen, AGAIN_MS);
      }
    };
  };

  document.documentElement.classList.add("scripted"); // the period is shown as soon as it is chosen
  document.addEventListener("change", (event) => {
    if (event.target.id === "period") event.target.form.submit();
  });
  addEventListener("pagehide", () => source && source.close());
  addEventListener("pageshow", (event) => event.persisted && listen());
  listen();
})();
